# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a change of arguments survives ``kubeadm upgrade`` and reaches control-plane nodes that join.

A kubeadm that keeps the order of flags gets them from ClusterConfiguration. For others, and for ClusterConfiguration of
v1beta3, which holds one value for each flag, there is a patch file on each node.
"""

from __future__ import annotations

import dataclasses
import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import kubeadm_patches, phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_configuration import (
    API_SERVER,
    CONTROLLER_MANAGER,
    ClusterConfiguration,
    Values,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import FORGET, FileWrite, Server
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.phases import Target
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

AUTO = "auto"
CLUSTER_CONFIGURATION = "cluster_configuration"
PATCHES = "patches"
NONE = "none"

# What changes, by component.
_FLAGS: t.Mapping[str, tuple[str, ...]] = {
    API_SERVER: (ISSUER, KEY_FILE, SIGNING_KEY_FILE),
    CONTROLLER_MANAGER: (PRIVATE_KEY_FILE,),
}

PATCH_FILES = (kubeadm_patches.API_SERVER_FILE, kubeadm_patches.CONTROLLER_MANAGER_FILE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Desired:
    """What must survive: the arguments after a phase, as one server has them.

    :ivar patched_key_files: public keys that an earlier run wrote into the server's patch
    """

    phase: str
    arguments: Arguments
    controller_manager: Arguments | None
    target: Target
    patched_key_files: Values = ()

    @property
    def has_own_key(self) -> bool:
        """Whether flags of keys differ from the cluster's own."""
        return self.target.key is not None or any(map(phases.is_own_key, self.arguments.values(KEY_FILE)))

    def values(self, name: str) -> Values:
        """Return the values of a flag after the phase."""
        source = self.controller_manager if name == PRIVATE_KEY_FILE else self.arguments
        return source.values(name) if source else ()

    def is_ours(self, file: str) -> bool:
        """Whether a key file is there because of this role."""
        return phases.is_own_key(file) or file in (*self.target.accepted_key_files, *self.patched_key_files)

    def key_files(self) -> list[str]:
        """Return the public keys that are there because of this role."""
        return [file for file in self.values(KEY_FILE) if self.is_ours(file)]

    def lasting(self, name: str, rendered: Values) -> Values:
        """Return the values of a flag after an upgrade, given those that kubeadm renders now.

        All issuers that run, but of key files those that kubeadm renders and ours. What the user added to a
        manifest by hand stays as it is: a node that joins may not have that file, and would not start.
        """
        if name == ISSUER:
            return self.values(ISSUER)
        ours = tuple(file for file in self.values(name) if self.is_ours(file))
        # Of several signing keys the last one counts, so ours come last.
        expected = (*(file for file in rendered if not phases.is_own_key(file) and file not in ours), *ours)
        return rendered if name == KEY_FILE and set(expected) == set(rendered) else expected


@dataclasses.dataclass(frozen=True, kw_only=True)
class Persistence:
    """One way to survive, and what it has to be written into.

    :ivar keeps_order: whether every kubeadm of the cluster keeps the order of flags
    :ivar outside: servers without a host of the play, on which no file can be written
    """

    method: str
    configuration: ClusterConfiguration | None
    keeps_order: bool
    patches_dir: str
    outside: tuple[str, ...] = ()

    def configuration_after(self, desired: Desired) -> str | None:
        """Return the text of ClusterConfiguration after a phase, None if it stays. Raises Fault for one that it cannot
        be.
        """
        before = self.configuration
        if before is None or self.method == NONE:
            return None
        after = (
            self._configured(before, desired) if self.method == CLUSTER_CONFIGURATION else self._bare(before, desired)
        )
        return None if after.text == before.text else after.text

    def _configured(self, before: ClusterConfiguration, desired: Desired) -> ClusterConfiguration:
        """Return ClusterConfiguration with all values, the user's among them, where kubeadm's own are not these."""
        after = before
        for component, names in _FLAGS.items():
            changed: dict[str, Values] = {}
            for name in names:
                rendered = before.rendered(component, name, keeps_order=True)
                values = desired.lasting(name, rendered)
                if values and values != rendered:
                    changed[name] = () if values == before.default(name) else values
            after = after.with_values(component, changed)
        audiences = after.own(API_SERVER, API_AUDIENCES)
        return after.with_values(API_SERVER, {API_AUDIENCES: _audiences(audiences, desired)}) if audiences else after

    def _bare(self, before: ClusterConfiguration, desired: Desired) -> ClusterConfiguration:
        """Return ClusterConfiguration without what a patch cannot work beside, and at the end without what is ours."""
        strays = {value for value in before.own(API_SERVER, ISSUER) if value not in desired.arguments.values(ISSUER)}
        if desired.phase != FORGET and not strays and self._can_be_patched(before, desired):
            return before
        after = before
        for component, names in _FLAGS.items():
            changed: dict[str, Values] = {}
            for name in names:
                own, unwanted = before.own(component, name), {*strays, desired.target.issuer}
                # An own key that runs may sign for another issuer.
                unwanted.update(file for file in filter(phases.is_own_key, own) if file not in desired.values(name))
                kept = tuple(value for value in own if value not in unwanted)
                if kept != own:
                    changed[name] = () if kept == before.default(name) else kept
            after = after.with_values(component, changed)
        self._patch(after, desired)
        if self.outside and desired.phase != FORGET and desired.target.issuer in before.own(API_SERVER, ISSUER):
            servers = ", ".join(self.outside)
            raise Fault(
                f"ClusterConfiguration must lose the issuer before a patch can name it, and no patch is written on "
                f"{servers} in this run. Add {servers} to the hosts of this play (no --limit)"
            )
        return after

    def _can_be_patched(self, configuration: ClusterConfiguration, desired: Desired) -> bool:
        try:
            self._patch(configuration, desired)
        except Fault:
            return False
        return True

    def _patch(self, configuration: ClusterConfiguration | None, desired: Desired) -> bytes | None:
        """Return the API server's patch. Raises Fault if there can be none."""
        return kubeadm_patches.api_server_patch(
            self._rendered(configuration, desired),
            desired.arguments,
            desired.target.issuer,
            key_files=desired.key_files(),
        )

    def _rendered(self, configuration: ClusterConfiguration | None, desired: Desired) -> kubeadm_patches.Rendered:
        """Return what kubeadm renders; without a ClusterConfiguration, the arguments without ours."""
        if configuration is not None:
            return lambda name: configuration.rendered(
                CONTROLLER_MANAGER if name == PRIVATE_KEY_FILE else API_SERVER, name, keeps_order=self.keeps_order
            )

        def without_ours(name: str) -> Values:
            values = desired.values(name)
            return tuple(each for each in values if each != desired.target.issuer and not desired.is_ours(each))

        return without_ours

    def files_after(self, server: Server, desired: Desired) -> list[FileWrite]:
        """Return the patch files of a server that change in a phase. Raises Fault if they cannot be made."""
        contents: dict[str, bytes | None] = dict.fromkeys(PATCH_FILES)
        if self.method == NONE:
            return []
        if self.method == PATCHES:
            configuration = self.configuration and self._bare(self.configuration, desired)
            contents[kubeadm_patches.API_SERVER_FILE] = self._patch(configuration, desired)
            if desired.controller_manager and desired.has_own_key:
                contents[kubeadm_patches.CONTROLLER_MANAGER_FILE] = kubeadm_patches.controller_manager_patch(
                    self._rendered(configuration, desired), desired.controller_manager
                )
        writes = [
            FileWrite(path=posixpath.join(self.patches_dir, name), before=server.patches.get(name), after=content)
            for name, content in contents.items()
        ]
        return [write for write in writes if write.before != write.after]

    def further_key_files(self, names: t.Iterable[str]) -> set[str]:
        """Return the files in flags of keys in ClusterConfiguration that are not kubeadm's own."""
        configuration = self.configuration
        if configuration is None:
            return set()
        return {
            file
            for name in names
            for component in _FLAGS
            for file in configuration.own(component, name)
            if file not in configuration.default(name)
        }


def _audiences(values: Values, desired: Desired) -> Values:
    """Return --api-audiences of ClusterConfiguration after a phase: with the issuer, or without it again."""
    texts = ["kube-apiserver", *(f"--{API_AUDIENCES}={value}" for value in values)]
    has_ours = desired.target.issuer in desired.arguments.values(ISSUER)
    change = phases.with_audience if has_ours else phases.without_audience
    return change(Arguments.of(texts), desired.target.issuer).values(API_AUDIENCES)
