# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a play compared with each other: clusters must share neither an issuer nor a key.

AWS accepts a token if any key of its issuer has signed it, so each of them could sign tokens for the service accounts
of the others. Servers of one cluster have the same issuer and the same key.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.role_variables import (
    PREFIX,
    SHARED,
    is_controller,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, signing_key
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._key_paths import FOLDER, controller_path, key_paths

_KEYPAIR = f"__{PREFIX}keypair"  # what the role's key task registers
_FILES = ("documents_path", "result_path")  # on the controller, so that hosts may write the same ones
_NAMES = ("bucket", "prefix", "url", "key_path", "key_host", *_FILES)
# What variables have where neither the user nor the inventory sets them: None, or the role's own default.
_UNSET: tuple[t.Any, ...] = (None, False, [], "localhost")
_NO_KEY_SETS = ("", "[]")
# In most fleets this is all that makes the values of hosts differ, and templates cost more than all else here.
_HOST_NAME = "{{ inventory_hostname }}"

Variables = t.Mapping[str, t.Any]
# Returns the variables that a host itself has, as they are set, without those of the play and the task.
HostVariables = t.Callable[[str], Variables]
# Turns a variable into its value, with the variables of a host.
Template = t.Callable[[t.Any, Variables], t.Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cluster:
    """What counts of a host: its issuer, and the file of its key.

    ``places`` are where its documents are: the URL if one is set, and the bucket with the prefix. Without a key file,
    ``source`` says where its keys come from; empty with one. ``files`` has what it writes on the controller, by the
    name of the variable.
    """

    host: str
    places: t.Sequence[str]
    key_host: str
    key_path: str
    source: str = ""
    files: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key for a message."""
        return self.source or f"{self.key_path} on {self.key_host}"

    @property
    def key_file(self) -> tuple[str, str]:
        """The host and the path of the key, the same for a file however its path is written."""
        if is_controller(self.key_host):
            return "localhost", os.path.realpath(os.path.expanduser(self.key_path))
        return self.key_host, os.path.normpath(self.key_path)


def refuse_shared_issuer(clusters: t.Sequence[Cluster], host: str, registered: HostVariables) -> None:
    """Raise IrsaError if another cluster has the issuer of ``host`` but another key.

    ``clusters`` are those that share an issuer; ``registered`` returns the variables of a host, which contain the
    result of its key task once that has run. A key that cannot be read from here, on a node whose key task has not
    run, is compared when it has.
    """
    own = next((cluster for cluster in clusters if cluster.host == host), None)
    if own is None:
        return
    sharing = [other for other in clusters if other is not own and set(other.places) & set(own.places)]
    own_kid = _kid(own, registered)
    if not any(_differ(own, other, own_kid=own_kid, registered=registered) for other in sharing):
        return
    hosts = listed(cluster.host for cluster in clusters if cluster is own or cluster in sharing)
    shared = next(place for place in own.places for other in sharing if place in other.places)
    raise IrsaError(
        f"The hosts {hosts} of this play have one issuer ({shared}) but different keys, so each of these clusters "
        "could sign tokens for the service accounts of the others. Nothing was changed. Give each cluster an issuer "
        f'of its own, for example with {PREFIX}prefix: "{_HOST_NAME}". If the hosts are servers of one cluster, give '
        f"them the same key with {PREFIX}key_path and {PREFIX}key_host, or the same {SHARED['kubeconfig']}."
    )


def _differ(own: Cluster, other: Cluster, *, own_kid: str | None, registered: HostVariables) -> bool:
    """Whether two clusters certainly have different keys. A key that does not exist yet will be a new one.

    Without key files, clusters are told apart by where their keys come from.
    """
    if own.source or other.source:
        return bool(own.source and other.source) and own.source != other.source
    if own.key_file == other.key_file:
        return False
    other_kid = _kid(other, registered)
    if own_kid is None or other_kid is None:
        return False
    return not own_kid or own_kid != other_kid


def _kid(cluster: Cluster, registered: HostVariables) -> str | None:
    """Return the kid of a cluster's key: empty if the key does not exist yet, None if this host cannot read it."""
    result = registered(cluster.host).get(_KEYPAIR) or {}
    is_of_file = result.get("path") == cluster.key_path or cluster.key_path.startswith("~")
    if is_of_file and "exists" in result:
        return str(result.get("kid") or "")
    if not is_controller(cluster.key_host):
        return None
    try:
        content = files.read(os.path.expanduser(cluster.key_path))
        return "" if content is None else key_facts.kid(signing_key.load_private(content).public_key)
    except (Fault, IrsaError):  # the task of that host says what is wrong with its key
        return None


def sharing_an_issuer(clusters: t.Sequence[Cluster]) -> list[Cluster]:
    """Return the clusters that share an issuer with another one."""
    by_place: dict[str, list[Cluster]] = {}
    for cluster in clusters:
        for place in cluster.places:
            by_place.setdefault(place, []).append(cluster)
    return [cluster for cluster in clusters if any(len(by_place[place]) > 1 for place in cluster.places)]


def warnings_of_shared_keys(clusters: t.Iterable[Cluster]) -> dict[str, str]:
    """Return a warning for each key that clusters with different issuers share, by the first of their hosts."""
    by_key: dict[str | tuple[str, str], list[Cluster]] = {}
    for cluster in clusters:
        if (cluster.key_path or cluster.source) and cluster.places:
            by_key.setdefault(cluster.source or cluster.key_file, []).append(cluster)
    return {
        several[0].host: (
            f"The hosts {listed(cluster.host for cluster in several)} of this play have different issuers but one key "
            f"({several[0].key}), so each of these clusters could sign tokens for the service accounts of the others. "
            + ("Give each cluster keys" if several[0].source else f"Give each cluster an {PREFIX}key_path")
            + " of its own."
        )
        for several in by_key.values()
        if len({tuple(cluster.places) for cluster in several}) > 1
    }


def problems_of_shared_files(clusters: t.Sequence[Cluster]) -> dict[str, str]:
    """Return what is wrong with files that clusters with different issuers would write in turn, by host."""
    by_file: dict[tuple[str, str], list[Cluster]] = {}
    for cluster in clusters:
        for name, path in cluster.files.items():
            by_file.setdefault((name, os.path.realpath(path)), []).append(cluster)
    return {
        cluster.host: (
            f"The hosts {listed(each.host for each in several)} of this play have different issuers but one "
            f"{PREFIX}{name} ({files.shown(path)}), so each of them would replace what another has written. Nothing "
            f"was changed. Give each cluster a path of its own, for example with {_HOST_NAME} in it."
        )
        for (name, path), several in by_file.items()
        if len({tuple(cluster.places) for cluster in several}) > 1
        for cluster in several
    }


# --- what counts of each host


class Play:
    """The hosts of a play and their variables.

    ``variables`` are those of the task, on the host that it runs for; ``of_host`` returns those that a host itself
    has: from the inventory, and facts. Each host has the task's other variables, too.
    """

    def __init__(self, variables: Variables, of_host: HostVariables, template: Template) -> None:
        own = of_host(variables["inventory_hostname"])
        self._of_host = of_host
        self._template = template
        self._of_task = {name: value for name, value in variables.items() if name not in own or own[name] != value}
        self._folder = variables.get(FOLDER, variables["playbook_dir"])

    def clusters(self, hosts: t.Iterable[str]) -> list[Cluster]:
        """Return what counts of each host, without those whose variables cannot be read."""
        return [cluster for cluster in map(self._cluster, hosts) if cluster is not None]

    def _cluster(self, host: str) -> Cluster | None:
        """Return what counts of a host; None if its variables cannot be read, which its own task reports."""
        other = self._of_host(host)
        try:
            values = {name: self._value(f"{PREFIX}{name}", host, other) for name in _NAMES}
            source = "" if values["key_path"] else self._source(host, other)
        except AnsibleError:
            return None
        bucket, prefix, url = values["bucket"], values["prefix"], values["url"]
        places = [url] if url else []
        if bucket:
            places.append(f"bucket {quoted(bucket)}, " + (f"prefix {quoted(prefix)}" if prefix else "no prefix"))
        path = key_paths({"key_path": values["key_path"]}, self._folder)["key_path"] or ""
        return Cluster(
            host=host,
            places=tuple(places),
            key_host=values["key_host"] or "localhost",
            key_path=path,
            source=source,
            files={name: controller_path(values[name], self._folder) or "" for name in _FILES if values[name]},
        )

    def _source(self, host: str, other: Variables) -> str:
        """Return where the keys of a host without a key file come from; empty if it does not say."""
        if boolean(self._value(f"{PREFIX}from_cluster", host, other) or False, strict=False):
            kubeconfig, context = (self._value(name, host, other) for name in SHARED.values())
            path = controller_path(kubeconfig, self._folder)
            return f"{SHARED['kubeconfig']} {path}" + (f", context {context}" if context else "")
        key_sets = self._value(f"{PREFIX}extra_jwks", host, other)
        if key_sets in _NO_KEY_SETS:
            return ""
        return f"{PREFIX}extra_jwks {hashlib.sha256(key_sets.encode()).hexdigest()[:16]}"

    def _value(self, name: str, host: str, other: Variables) -> str:
        of_task = self._of_task.get(name)
        # The role's own default is the task's, too, and a host's variable wins over it.
        value = other.get(name, of_task) if of_task in _UNSET else of_task
        if not isinstance(value, str):
            return "" if value is None else str(value)
        literal = value.replace(_HOST_NAME, host)
        if "{" not in literal:
            return literal
        templated = self._template(value, {**other, **self._of_task})
        return "" if templated is None else str(templated)
