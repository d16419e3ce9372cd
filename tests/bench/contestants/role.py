# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role of this collection, as its playbook `selfhosted.irsa.provision` runs it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..surroundings import ACCOUNT, BUCKET, TAGS, Surroundings
from .contestant import Playbook, write_yaml

PROVISION = "selfhosted.irsa.provision"
# The documents are served by plain HTTP here, which an issuer is not, so verification has nothing to fetch.
COMMON = {"irsa_issuer_verify": False, "irsa_issuer_tags": TAGS}


class Role(Playbook):
    """One cluster with a bucket of its own, on the implicit localhost.

    :ivar direct: whether modules may run in the controller's process
    :ivar account_known: whether the run is told the account
    """

    def __init__(self, *, direct: bool = True, account_known: bool = False) -> None:
        self.key = f"role{'' if direct else '-shipped'}{'-account' if account_known else ''}"
        self.title = "the role" + ("" if direct else ", `irsa_direct: false`")
        self.title += ", `irsa_issuer_account_id` given" if account_known else ""
        self._variables: dict[str, Any] = {
            **COMMON,
            "irsa_issuer_bucket": BUCKET,
            "irsa_issuer_key_path": "keys/sa-signer.key",
        }
        if not direct:
            self._variables["irsa_direct"] = False
        if account_known:
            self._variables["irsa_issuer_account_id"] = ACCOUNT

    def prepare(self, surroundings: Surroundings) -> None:
        (surroundings.folder / "keys").mkdir(mode=0o700)
        write_yaml(surroundings.folder / "variables.yml", self._variables)

    def arguments(self, surroundings: Surroundings) -> Sequence[str]:
        return [PROVISION, "--extra-vars=@variables.yml"]


class Fleet(Playbook):
    """One inventory host for each cluster, all of them this machine.

    :ivar clusters: how many
    :ivar shared: one bucket with a prefix for each of them, or a bucket each
    """

    def __init__(self, clusters: int, *, shared: bool = True) -> None:
        self.clusters = clusters
        self.key = f"fleet-{clusters}{'' if shared else '-own'}"
        self.title = f"the role, {clusters} cluster{'s' if clusters > 1 else ''}, " + (
            "one bucket" if shared else "a bucket each"
        )
        place: Mapping[str, Any] = (
            {"irsa_issuer_bucket": BUCKET, "irsa_issuer_prefix": "{{ inventory_hostname }}"}
            if shared
            else {"irsa_issuer_bucket": "bench-{{ inventory_hostname }}"}
        )
        self._variables = {
            **COMMON,
            **place,
            "irsa_hosts": "clusters",
            "irsa_issuer_key_path": "keys/{{ inventory_hostname }}.key",
        }

    def prepare(self, surroundings: Surroundings) -> None:
        (surroundings.folder / "keys").mkdir(mode=0o700)
        write_yaml(surroundings.folder / "variables.yml", self._variables)
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        hosts = {f"cluster-{number:04}": None for number in range(self.clusters)}
        write_yaml(surroundings.folder / "inventory.yml", {"clusters": {"hosts": hosts, "vars": local}})

    def arguments(self, surroundings: Surroundings) -> Sequence[str]:
        return [PROVISION, "--inventory=inventory.yml", "--extra-vars=@variables.yml"]
