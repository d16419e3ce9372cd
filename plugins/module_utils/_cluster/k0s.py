# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""k0s: the issuers and keys of a controller are arguments in its configuration, k0s.yaml.

The first value of a flag is k0s' own, or the one in extraArgs that replaces it. All others are in rawArgs.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import managed_flags, phases, yaml_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    ADVERTISE_ADDRESS,
    ISSUER,
    JWKS_URI,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SECURE_PORT,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import (
    Access,
    Distribution,
    Files,
    Programs,
    Sources,
    Unit,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.k0s_command import (
    DEFAULT_CONFIG,
    STANDARD_INPUT,
    Command,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.k0s_configuration import (
    API,
    CONTROLLER_MANAGER,
    ClusterConfig,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.k0s_versions import FIRST, has_raw_args
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# https://github.com/k0sproject/k0s/blob/v1.34.1+k0s.0/pkg/component/controller/apiserver.go
_ISSUER = "https://kubernetes.default.svc"
_JWKS_URI = f"{_ISSUER}/openid/v1/jwks"

# What k0s fills up with its defaults, like any configuration that leaves something out.
_NEW_CONFIG = """\
# Added with the first argument of an API server that is not k0s' own, and removed with the last one.
apiVersion: k0s.k0sproject.io/v1beta1
kind: ClusterConfig
"""

# In a comment of a configuration that k0sctl wrote, by which it knows its own:
# https://github.com/k0sproject/k0sctl/blob/main/phase/configure_k0s.go
_BY_K0SCTL = b" generated-by-k0sctl"


class K0s(Distribution):
    """A controller of k0s. ``version`` is what ``k0s version`` prints there, None if that is not known."""

    name = "k0s"
    title = "k0s"
    unit = "k0scontroller.service"
    # Its end can take longer than a caller waits.
    restart = ("systemctl", "restart", "--no-block", unit)
    keeps = "k0s keeps its configuration when it is upgraded, and k0sctl replaces it when it is applied"

    version_command = ("k0s", "version")

    def __init__(self, version: str | None = None) -> None:
        self.version = version

    def of_version(self, version: str | None) -> K0s:
        return K0s(version)

    def sources(self, unit: Unit) -> Sources:
        path = Command(unit.command).config
        return Sources(files=() if path == STANDARD_INPUT else (path,))

    def access(self, files: Files, unit: Unit) -> Access:
        return Access(
            kubectl=(("k0s", "kubectl"), ("/usr/local/bin/k0s", "kubectl")),
            kubeconfigs=(f"{Command(unit.command).pki}/admin.conf",),
        )

    def own_key_folder(self, files: Files, unit: Unit) -> str:
        return phases.own_key_folder(Command(unit.command).pki)

    def programs(self, files: Files, unit: Unit) -> Programs:
        """See Distribution.

        The API server's audiences are there if the configuration sets them. k0s' own ones need no further one, since
        tokens that name none have all of them.
        """
        config, command = self._config(files, unit), Command(unit.command)
        return Programs(
            api_server=_rendered(config, API, {**_defaults(API, command), **_address(config)}),
            controller_manager=_rendered(config, CONTROLLER_MANAGER, _defaults(CONTROLLER_MANAGER, command)),
        )

    def files_after(self, files: Files, unit: Unit, programs: Programs) -> dict[str, bytes | None]:
        before, command = self.programs(files, unit), Command(unit.command)
        managed_flags.check_request(programs, before)
        config = old = self._config(files, unit)
        for section, expected, names in (
            (API, programs.api_server, managed_flags.API_SERVER),
            (CONTROLLER_MANAGER, programs.controller_manager, managed_flags.CONTROLLER_MANAGER),
        ):
            for name in names:
                config = _with_values(
                    config, section, name, new=expected.values(name), default=_defaults(section, command)[name]
                )
        if config.text == old.text:
            return {}
        path = command.config
        after = {path: None if path == DEFAULT_CONFIG and config.text == _NEW_CONFIG else config.text.encode()}
        managed_flags.check_result(self.programs(_changed(files, after), unit), programs, before)
        return after

    def problems(self, files: Files, unit: Unit) -> t.Iterator[str]:
        if Command(unit.command).config == STANDARD_INPUT:
            yield (
                "k0s reads its configuration from the standard input there (--config -), and no file can be changed. "
                f"Write it to {DEFAULT_CONFIG}, and name that file with --config in {self.unit}."
            )
        if self.version is None:
            return
        try:
            if has_raw_args(self.version):
                return
        except Fault as fault:
            yield f"its version cannot be read: {fault}."
            return
        yield (
            f"k0s {quoted(self.version)} takes one issuer only: spec.api.rawArgs, which adds further ones, came with "
            f"{FIRST}. With another issuer in the place of today's, all tokens would be refused at once. Upgrade k0s "
            "first. For a new cluster, set service-account-issuer in spec.api.extraArgs before it starts."
        )

    def warnings(self, files: Files, unit: Unit) -> t.Iterator[str]:
        command = Command(unit.command)
        if _BY_K0SCTL in files.get(command.config, b""):
            yield (
                f"k0sctl wrote {command.config}, and replaces it whenever it is applied. Set the same extraArgs and "
                "rawArgs under spec.k0s.config in its own file, too."
            )
        # spec.api is always the controller's own: https://docs.k0sproject.io/stable/dynamic-configuration/
        if command.is_dynamic:
            yield (
                "with --enable-dynamic-config, kube-controller-manager takes its arguments from the object "
                "ClusterConfig of the cluster, not from the file. If the issuer has a key of its own, set "
                "spec.controllerManager there as it is in the file, with `k0s config edit`. Until then, it signs "
                "legacy tokens with the cluster's key."
            )

    @staticmethod
    def _config(files: Files, unit: Unit) -> ClusterConfig:
        """Return its configuration. Raises Fault if it cannot be used."""
        path = Command(unit.command).config
        content = files.get(path)
        if content is not None:
            return ClusterConfig(yaml_text.decoded(content))
        if path != DEFAULT_CONFIG:
            raise Fault(f"its configuration {quoted(path)} is not there. k0s does not start without it")
        return ClusterConfig(_NEW_CONFIG)


def _defaults(section: str, command: Command) -> dict[str, str]:
    """Return those of k0s' own arguments that are about service accounts."""
    if section == CONTROLLER_MANAGER:
        return {PRIVATE_KEY_FILE: command.controller_manager_flag(PRIVATE_KEY_FILE) or f"{command.pki}/sa.key"}
    return {
        ISSUER: _ISSUER,
        JWKS_URI: _JWKS_URI,
        KEY_FILE: f"{command.pki}/sa.pub",
        SIGNING_KEY_FILE: f"{command.pki}/sa.key",
    }


def _address(config: ClusterConfig) -> dict[str, str]:
    """Return the arguments that k0s makes of other settings: where the API server is."""
    found = {ADVERTISE_ADDRESS: config.setting(API, "address"), SECURE_PORT: config.setting(API, "port")}
    return {name: value for name, value in found.items() if value}


def _rendered(config: ClusterConfig, section: str, defaults: t.Mapping[str, str]) -> Arguments:
    """Return the arguments as k0s puts them together. Raises Fault if a flag would have two values in any order."""
    given = {**defaults, **config.extra_args(section)}
    for name in given:
        # One flag to the program, two names to k0s, which takes them in the order in which Go gives a map's keys.
        if "_" in name and name.replace("_", "-") in defaults:
            raise Fault(f"spec.{section}.extraArgs has the name {quoted(name)}. Write it with dashes")
    return Arguments.of([f"--{name}={given[name]}" for name in sorted(given)] + config.raw_args(section))


def _with_values(
    config: ClusterConfig, section: str, name: str, *, new: tuple[str, ...], default: str
) -> ClusterConfig:
    """Return the configuration with other values of a flag. Raises Fault if that cannot be done safely."""
    if not new:
        raise Fault(f"k0s always passes --{name}, and there would be none")
    now = config.extra_args(section).get(name)
    if new[0] != (default if now is None else now):
        if new[0] == default and config.added_extra_arg(section, name):
            config = config.without_extra_arg(section, name)
        else:
            config = config.with_extra_arg(section, name, new[0])
    raw = config.raw_arguments(section)
    after = raw.with_values(name, new[1:])
    return config if after.texts == raw.texts else config.with_raw_args(section, after.items)


def _changed(files: Files, after: t.Mapping[str, bytes | None]) -> dict[str, bytes]:
    """Return what files are there after a change."""
    merged = {**files, **after}
    return {path: content for path, content in merged.items() if content is not None}
