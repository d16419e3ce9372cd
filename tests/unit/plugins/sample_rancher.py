# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configurations of k3s and RKE2 as people write them, with the flags that their own code makes of them."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Files, Programs, Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher import K3s, Rancher, Rke2

FOLDER = pathlib.Path(__file__).parent / "module_utils/_cluster/rancher_configurations"
GOLDEN = "flags.json"

NEW = "https://example-irsa.s3.eu-west-1.amazonaws.com"
KID = "dGhpcyBpcyBub3QgYSByZWFsIGtleSBJRCBhdCBhbGw"

DISTRIBUTIONS: dict[str, Rancher] = {"k3s": K3s(), "rke2": Rke2()}
UNITS = {
    "k3s": Unit(command=("/usr/local/bin/k3s", "server")),
    "rke2": Unit(command=("/usr/local/bin/rke2", "server")),
}


@dataclasses.dataclass(frozen=True)
class Sample:
    """One configuration; ``files`` by their paths on a server."""

    name: str
    distribution: Rancher
    unit: Unit
    files: Files
    golden: t.Mapping[str, t.Any]

    @property
    def drop_in_path(self) -> str:
        return self.distribution.drop_in_path(self.unit)

    def target(self, mode: str) -> phases.Target:
        """The goal, with an own key (``own``) or the cluster's (``adopt``)."""
        folder = self.distribution.own_key_folder(self.files, self.unit)
        key = phases.KeyFiles(private=f"{folder}/{KID}.key", public=f"{folder}/{KID}.pub")
        return phases.Target(issuer=NEW, key=key if mode == "own" else None)

    def after(self, phase: str, files: Files, target: phases.Target) -> dict[str, bytes]:
        """The files after a phase, given those before it."""
        changed = self.distribution.files_after(files, self.unit, self.expected(phase, files, target))
        return {path: content for path, content in {**files, **changed}.items() if content is not None}

    def expected(self, phase: str, files: Files, target: phases.Target) -> Programs:
        """What a phase asks for. Audiences stay: these distributions set them, and so keep them."""
        programs = self.distribution.programs(files, self.unit)
        server = phases.without_audience(phases.after(phase, programs.api_server, target), target.issuer)
        manager = phases.controller_manager_after(phase, programs.controller_manager, target, api_server=server)
        return Programs(api_server=server, controller_manager=manager)

    def passed(self, files: Files) -> dict[str, list[str]]:
        """The flags in the form of the golden file."""
        programs = self.distribution.passed(files, self.unit)
        return {
            "api_server": list(programs.api_server.texts),
            "controller_manager": list(programs.controller_manager.texts),
        }


def _sample(folder: pathlib.Path) -> Sample:
    name = folder.parent.name
    files = {
        f"/etc/rancher/{name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != GOLDEN
    }
    golden = json.loads((folder / GOLDEN).read_text(encoding="utf-8"))
    return Sample(f"{name}-{folder.name}", DISTRIBUTIONS[name], UNITS[name], files, golden)


SAMPLES = [_sample(path.parent) for path in sorted(FOLDER.glob(f"*/*/{GOLDEN}"))]
