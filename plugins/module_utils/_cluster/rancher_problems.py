# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a file of our own cannot lead to other arguments on a server of k3s or RKE2."""

from __future__ import annotations

import dataclasses
import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import rancher_drop_in, rancher_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Files, Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher_arguments import (
    APPENDED,
    PREPENDED,
    line,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher_drop_in import (
    API_SERVER_KEY,
    CONTROLLER_MANAGER_KEY,
    FLAGS,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted

# An option: this server has no API server, but etcd alone.
NO_API_SERVER = "disable-apiserver"

# Rancher writes it for nodes that it provisions:
# https://github.com/rancher/rancher/blob/main/pkg/apis/rke.cattle.io/v1/cluster_configuration_types.go
_OF_RANCHER = "50-rancher.yaml"

_TRUE = ("1", "t", "true", "y", "yes", "on")
_COMMANDS = ("server", "agent")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Server:
    """One server's files, and where they are.

    :ivar title: the distribution's name for people
    :ivar name: its name in paths
    :ivar service: the unit of systemd
    :ivar path: the path of the configuration file
    """

    title: str
    name: str
    service: str
    path: str
    files: Files
    unit: Unit

    @property
    def own_path(self) -> str:
        return posixpath.join(rancher_files.folder_of(self.path), rancher_drop_in.NAME)


def problems(server: Server) -> t.Iterator[str]:
    """Yield all of them, as whole sentences that follow the server's name."""
    if next((word for word in server.unit.command if word in _COMMANDS), None) == "agent":
        yield f"it is an agent of {server.title}, which runs no API server. Take it out of the hosts of this play."
    found = words(server.unit.command, API_SERVER_KEY)
    if found:
        yield f"{words_text(server, found, API_SERVER_KEY)}."
    yield from _managed_by_rancher(server)
    faults = list(_faults(server))
    yield from faults
    if not faults:
        yield from _without_api_server(server)
        yield from _foreign(server)
        yield from (f"{text}." for text in later(server, API_SERVER_KEY))
        if CONTROLLER_MANAGER_KEY in {entry.key for entry in _own_entries(server)}:
            yield from (f"{text}." for text in later(server, CONTROLLER_MANAGER_KEY))


def warnings(server: Server) -> t.Iterator[str]:
    """Yield variables that look like options, and are none."""
    for key in FLAGS:
        variable = f"{server.name.upper()}_{key.upper().replace('-', '_')}"
        if variable in server.unit.environment:
            yield (
                f"{server.service} sets {variable}, which {server.title} does not read. Use a file in "
                f"{rancher_files.folder_of(server.path)} instead."
            )


def words(command: t.Sequence[str], key: str) -> list[str]:
    """Return the words of a command that give a program arguments."""
    found: list[str] = []
    for index, word in enumerate(command):
        if key in word:
            found += command[index : index + (2 if word.endswith(key) else 1)]
    return found


def words_text(server: Server, found: t.Sequence[str], key: str) -> str:
    """Return what is wrong with such words.

    The code adds them to what the files say, the documentation says that they replace it:
    https://docs.k3s.io/installation/configuration#value-merge-behavior
    """
    return (
        f"the command of {server.service} has {listed(found)}. By the documentation of {server.title} that replaces "
        f"the {key} of all files, by its code it is added to it. Move it into a file in "
        f"{rancher_files.folder_of(server.path)}, under the key {key}+, and restart {server.service}"
    )


def later(server: Server, key: str) -> t.Iterator[str]:
    """Yield files that are read after our own and take away what it says, or add to the same flags."""
    place = rancher_drop_in.NAME.encode()
    for path in rancher_files.paths(server.files, server.path):
        if path == server.path or posixpath.basename(path).encode() <= place:
            continue
        for entry in rancher_files.entries(path, server.files[path], (key,)):
            flags = sorted({each.name for each in map(line, entry.values)}.intersection(FLAGS[key]))
            if not entry.adds:
                yield (
                    f"its file {quoted(path)} is read after {rancher_drop_in.NAME}, and its key {key} replaces what "
                    f"that says. Write {key}+ there, or give it a name that comes before {rancher_drop_in.NAME}"
                )
            elif flags:
                yield (
                    f"its file {quoted(path)} is read after {rancher_drop_in.NAME}, and sets {listed(flags)}, too. "
                    f"Give it a name that comes before {rancher_drop_in.NAME}"
                )


def foreign_text(path: str, foreign: t.Sequence[str]) -> str:
    """Return what is wrong with our own file where it holds what we do not write."""
    return (
        f"its file {quoted(path)} is written by this role, but also holds {listed(foreign)}. Move that into another "
        "file in this folder"
    )


def _managed_by_rancher(server: Server) -> t.Iterator[str]:
    path = posixpath.join(rancher_files.folder_of(server.path), _OF_RANCHER)
    if path in server.files:
        yield (
            f"Rancher manages its configuration ({path}), and this role leaves that to Rancher. In the Cluster object, "
            f"add {ISSUER}{APPENDED}=URL to spec.rkeConfig.machineGlobalConfig.{API_SERVER_KEY} so that all servers "
            f"accept the issuer, and then {ISSUER}{PREPENDED}=URL in its place so that they sign with it. URL is "
            "irsa_apiserver_issuer."
        )


def _faults(server: Server) -> t.Iterator[str]:
    for path in rancher_files.paths(server.files, server.path):
        try:
            rancher_files.entries(path, server.files[path], (*FLAGS, NO_API_SERVER))
        except Fault as fault:
            yield f"{fault}."


def _without_api_server(server: Server) -> t.Iterator[str]:
    in_files = rancher_files.read(server.files, server.path, (NO_API_SERVER,)).value(NO_API_SERVER) or ""
    in_command = f"--{NO_API_SERVER}" in server.unit.command
    if in_command or in_files.lower() in _TRUE:
        yield f"it runs no API server ({NO_API_SERVER}). Take it out of the hosts of this play."


def _foreign(server: Server) -> t.Iterator[str]:
    if server.own_path in server.files:
        found = rancher_drop_in.foreign(server.own_path, server.files[server.own_path])
        if found:
            yield f"{foreign_text(server.own_path, found)}."


def _own_entries(server: Server) -> list[rancher_files.Entry]:
    content = server.files.get(server.own_path)
    return rancher_files.entries(server.own_path, content, FLAGS) if content else []
