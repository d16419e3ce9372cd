# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of the machines of a fleet whose keys change, as the tasks of a play return it."""

from __future__ import annotations

import base64

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import digest
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _key_reading
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import command_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import FORMER, KEYS, MANAGER, MANIFEST, NEW

FOLDER = "/etc/kubernetes/pki/irsa"
KEYS_OF_CLUSTER = {
    "legacy_tokens": [{"namespace": "ci", "name": "robot", "account": "robot", "kid": FORMER.kid}],
    "stale_tokens": 4,
    "token_seconds": 7200,
    "has_kubeadm_certs": True,
    "has_openssl": True,
    "now": 1_000_000.0,
    "faults": [],
}


def described(content):
    return {"content": base64.b64encode(content).decode(), "sha256": digest(content)}


def keys_of(machine, asked):
    """What module irsa_node finds of the keys of a node."""
    staged = [
        {"kid": kid, "path": f"{FOLDER}/{name}.key", "sha256": "0", "public_key": "", "is_retired": is_retired}
        for kid, name, is_retired in (
            (NEW.kid, NEW.kid, False),
            # Two rotations ago this key was made on the node, and the last one replaced it.
            (FORMER.kid, FORMER.kid, True),
            (FORMER.kid, f"retired/{FORMER.kid}", True),
        )
    ]
    return {
        **KEYS_OF_CLUSTER,
        "files": {path: described(machine.disk[path]) for path in asked["paths"]},
        "digests": {
            path: {"sha256": digest(machine.disk[path]), "kid": machine.signing_on_disk()}
            for path in asked["private_paths"]
        },
        "staged": staged if machine.name == "node2" else [],
    }


def jwk_of(kid):
    """A key as an API server and the issuer publish it."""
    return jwk.from_public_key(signing_key.load_public(KEYS[kid].public))


def readings_of(fleet, find=keys_of):
    """What tasks with operation read and keys rotate return on all hosts. ``find`` is what irsa_node finds of keys."""
    addresses = {name: f"192.0.2.{number}:6443" for number, name in enumerate(fleet.machines, start=1)}
    pods = [
        {
            "name": f"kube-apiserver-{machine.name}",
            "node": machine.name,
            "endpoint": addresses[machine.name],
            "addresses": [],
            "command": list(command_of(machine.started_from)),
            "started_at": "1970-01-12T13:46:40Z",
        }
        for machine in fleet.machines.values()
    ]
    return [_reading(machine, addresses, pods=pods, find=find) for machine in fleet.machines.values()]


def _reading(machine, addresses, *, pods, find):
    reading = {
        "host": f"host-of-{machine.name}",
        "distribution": "kubeadm",
        "address": addresses[machine.name],
        "access": {},
        "inspected": {
            "hostname": machine.name,
            "now": 1_000_010.0,
            "files": {path: described(machine.disk[path]) for path in (MANIFEST, MANAGER)},
            "folders": {"/etc/kubernetes/manifests": ["kube-apiserver.yaml"], FOLDER: None},
            "patches": {},
            "public_keys": {},
            "services": {},
            "kubeadm_version": "v1.37.2",
        },
        "observed": {
            "server": f"https://{addresses[machine.name]}",
            "pods": pods,
            "endpoints": list(addresses.values()),
            "configuration": None,
            "legacy_tokens": 1,
            "issuer": "https://kubernetes.default.svc.cluster.local",
            "jwks": {"keys": [jwk_of(kid) for kid in sorted(machine.kids)]},
            "token": {"kid": machine.signing, "reviews": {}},
            "count": None,
            "flags": None,
            "ready": "ok",
            "faults": [],
        },
    }
    keys = _key_reading.read(reading, ask=lambda asked: find(machine, asked))
    return {**reading, "keys": keys}


def reading_of_service(name, names, *, distribution, version, unit, kids, running, configuration=None, folders=None):
    """What a task with operation read returns of a server that a service starts; without its keys.

    ``names`` are those of all servers. ``kids`` are the keys that this one verifies, the one that signs first;
    ``running`` are its arguments.
    """
    addresses = {each: f"192.0.2.{number}:6443" for number, each in enumerate(names, start=1)}
    address = addresses[name]
    flags = [text.removeprefix("--").split("=", 1) for text in running if "=" in text]
    return {
        "host": f"host-of-{name}",
        "distribution": distribution.name,
        "address": address,
        "access": {},
        "inspected": {
            "hostname": name,
            "now": 1_000_010.0,
            "services": {
                distribution.unit: {"command": list(unit.command), "environment": {}, "state": "active", "started": 1.0}
            },
            "configuration": {
                path: {**described(content), "changed": 0.5} for path, content in (configuration or {}).items()
            },
            "version": version,
            "folders": folders or {},
            "public_keys": {},
        },
        "observed": {
            "server": f"https://{address}",
            "pods": [],
            "endpoints": list(addresses.values()),
            "configuration": None,
            "legacy_tokens": 0,
            "issuer": None,
            "jwks": {"keys": [jwk_of(kid) for kid in kids]},
            "token": {"kid": kids[0], "reviews": {}},
            "count": None,
            "flags": {flag: [value for each, value in flags if each == flag] for flag, dummy in flags},
            "ready": "ok",
            "faults": [],
        },
    }
