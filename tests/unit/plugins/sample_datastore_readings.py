# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of servers of k3s whose keys change in the datastore, as the tasks of a play return it."""

from __future__ import annotations

import base64

from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _key_reading
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import KEYS
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_readings import (
    KEYS_OF_CLUSTER,
    reading_of_service,
)

FOLDER = "/etc/rancher/k3s/irsa"
LEFT = f"{FOLDER}/rotate-ca"


def staged(kid, where):
    path = f"{FOLDER}/{where}{kid}.key"
    return {"kid": kid, "path": path, "sha256": "0", "public_key": None, "is_retired": bool(where)}


def keys_of(machine, asked):
    """What module irsa_node finds of the keys of a server."""
    public = b"".join(KEYS[kid].public for kid in machine.disk)
    return {
        **KEYS_OF_CLUSTER,
        "files": {path: {"content": base64.b64encode(public).decode()} for path in asked["paths"]},
        "digests": {path: {"sha256": "0", "kid": machine.disk[0]} for path in asked["private_paths"]},
        "staged": [staged(kid, where) for kid, where in machine.own],
        "left": [LEFT] if machine.name == "node2" else [],
    }


def reading_of(machine, asked):
    fleet, server = machine.fleet, machine.read()
    reading = reading_of_service(
        machine.name,
        machine.fleet.machines,
        distribution=fleet.distribution,
        version=fleet.version,
        unit=server.unit,
        kids=machine.loaded,
        running=server.running,
    )

    def ask(arguments):
        asked.append(arguments)
        return keys_of(machine, arguments)

    return {**reading, "keys": _key_reading.read(reading, ask=ask)}


def read(fleet, asked=None):
    return [reading_of(machine, [] if asked is None else asked) for machine in fleet.machines.values()]
