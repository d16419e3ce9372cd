# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MicroK8s: the issuers and keys of a server are lines in files with arguments, which kubelite reads.

All arguments are in these files, so nothing is a default. A refresh of the snap copies them for the new revision, to
which /var/snap/microk8s/current then leads, and adds only lines that are missing:
https://github.com/canonical/microk8s/blob/master/snap/hooks/configure
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import managed_flags, phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.argument_file import ArgumentFile
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import (
    Access,
    Distribution,
    Files,
    Programs,
    Sources,
    Unit,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

_DATA = "/var/snap/microk8s/current"
_API_SERVER = f"{_DATA}/args/kube-apiserver"
_CONTROLLER_MANAGER = f"{_DATA}/args/kube-controller-manager"
# Which files the other two are is said here.
_KUBELITE = f"{_DATA}/args/kubelite"
# There on nodes that only run pods.
_WORKER = f"{_DATA}/var/lock/clustered.lock"

# What snapd sets for the service: https://snapcraft.io/docs/environment-variables. SNAP_DATA names the revision to
# which current leads.
_VARIABLES = {"SNAP": "/snap/microk8s/current", "SNAP_DATA": _DATA, "SNAP_COMMON": "/var/snap/microk8s/common"}

_FLAGS_OF_KUBELITE = {"apiserver-args-file": _API_SERVER, "controller-manager-args-file": _CONTROLLER_MANAGER}


class MicroK8s(Distribution):
    """A server of MicroK8s, from version 1.21 on, with which kubelite came."""

    name = "microk8s"
    title = "MicroK8s"
    unit = "snap.microk8s.daemon-kubelite.service"
    restart = ("snap", "restart", "microk8s.daemon-kubelite")
    keeps = "a refresh of the snap keeps lines that are there. `snap revert` brings back those of before the refresh"

    def sources(self, unit: Unit) -> Sources:
        return Sources(files=(_API_SERVER, _CONTROLLER_MANAGER, _KUBELITE, _WORKER))

    def access(self, files: Files, unit: Unit) -> Access:
        return Access(
            kubectl=(("/snap/microk8s/current/kubectl",), ("microk8s", "kubectl")),
            kubeconfigs=(f"{_DATA}/credentials/client.config",),
        )

    def own_key_folder(self, files: Files, unit: Unit) -> str:
        return phases.own_key_folder(f"{_DATA}/certs")

    def programs(self, files: Files, unit: Unit) -> Programs:
        return Programs(
            api_server=_read(files, _API_SERVER).arguments,
            controller_manager=_read(files, _CONTROLLER_MANAGER).arguments,
        )

    def files_after(self, files: Files, unit: Unit, programs: Programs) -> dict[str, bytes | None]:
        before = self.programs(files, unit)
        managed_flags.check_request(programs, before)
        after: dict[str, bytes | None] = {}
        for path, expected in ((_API_SERVER, programs.api_server), (_CONTROLLER_MANAGER, programs.controller_manager)):
            content = _read(files, path).with_arguments(expected)
            if content != files[path]:
                after[path] = content
        changed = {**files, **{path: content for path, content in after.items() if content is not None}}
        managed_flags.check_result(self.programs(changed, unit), programs, before)
        return after

    def problems(self, files: Files, unit: Unit) -> t.Iterator[str]:
        if _WORKER in files:
            yield "it only runs pods (microk8s join --worker), and has no API server. Take it out of the hosts."
            return
        if _KUBELITE not in files and not unit.command:
            yield "it has no kubelite. Upgrade MicroK8s to 1.21 or newer first, one minor version at a time."
            return
        for name, path in _FLAGS_OF_KUBELITE.items():
            found = _kubelite(files).value(name)
            if found not in (None, path):
                yield (
                    f"kubelite reads {quoted(found)} (--{name} in {_KUBELITE}), and not {path}. Move the "
                    "arguments there, and remove that line."
                )


def _read(files: Files, path: str) -> ArgumentFile:
    """Return a file with arguments. Raises Fault if it is not there."""
    content = files.get(path)
    if content is None:
        raise Fault(f"{path} is not there")
    return ArgumentFile(content, path.rpartition("/")[2], _VARIABLES)


def _kubelite(files: Files) -> Arguments:
    """Return kubelite's own arguments. A shell reads this file, but in what matters here by the same rules."""
    return ArgumentFile(files.get(_KUBELITE, b""), "kubelite", _VARIABLES).arguments
