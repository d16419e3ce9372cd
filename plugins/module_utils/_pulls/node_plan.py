# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kubelet of one node needs so that our provider is called, or is not called any more."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls import provider_config
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls.kubelet_environment import (
    BIN_DIR,
    CONFIG,
    VARIABLE,
    Flags,
    sets_variable,
    with_flags,
    without_flags,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls.provider import PullSettings, entry, is_ours

# A configuration of this name is ours as a whole, and so are the flags that name it.
OWN_NAME = "irsa-credential-providers.json"

# From here on, kubelets have tokenAttributes without a feature gate:
# https://kubernetes.io/docs/tasks/administer-cluster/kubelet-credential-provider/
_FIRST_MINOR = 34

_Found = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class NodePlan:
    """The ``step`` that a node needs, None if none; ``config`` is the file with the provider, ``flags`` what counts."""

    step: dict[str, t.Any] | None
    config: str
    actions: list[str]
    diff: list[dict[str, str]]


def config_to_read(reading: _Found, settings: PullSettings) -> str:
    """Return the file or folder of the configuration that the kubelet has, or would have."""
    return _present_flags(reading).config or f"{settings.config_dir}/{OWN_NAME}"


def plan(reading: _Found, settings: PullSettings, *, state: str) -> NodePlan:
    """Plan a node, from what module irsa_kubelet read with ``config_to_read``. Raises IrsaError."""
    return _Planner(reading, settings).plan(state)


def _present_flags(reading: _Found) -> Flags:
    """Return the flags that the kubelet is started with. Those in no file that is read here come from its unit."""
    in_files = [Flags.of(_text(reading[name]) or "") for name in ("kubeadm_flags", "environment")]
    runs = Flags(reading["flags"][CONFIG], reading["flags"][BIN_DIR])
    if runs.config.endswith(f"/{OWN_NAME}"):
        runs = Flags()  # if the files do not have it, a restart takes it away
    config = [each.config for each in in_files if each.config] or [runs.config]
    bin_dir = [each.bin_dir for each in in_files if each.bin_dir] or [runs.bin_dir]
    return Flags(config[-1], bin_dir[-1])


def _text(described: _Found) -> str | None:
    content = _content(described)
    return None if content is None else content.decode("utf-8", "surrogateescape")


def _content(described: _Found) -> bytes | None:
    return None if described["content"] is None else base64.b64decode(described["content"])


class _Planner:
    def __init__(self, reading: _Found, settings: PullSettings) -> None:
        self._reading = reading
        self._settings = settings
        self._flags = _present_flags(reading)
        self._has_own_flags = not self._flags or self._flags.config.endswith(f"/{OWN_NAME}")
        config = config_to_read(reading, settings)
        self._path = f"{config}/{OWN_NAME}" if reading["is_folder"] else config
        self._configs = {each["path"]: each for each in reading["configs"]}
        self._config = self._configs.get(
            self._path, {"path": self._path, "content": None, "sha256": None, "is_link": False}
        )
        self._diff: list[dict[str, str]] = []

    def plan(self, state: str) -> NodePlan:
        if state == "present":
            files, after = self._present()
        else:
            files, after = self._absent()
        expected = {CONFIG: after.config, BIN_DIR: after.bin_dir}
        restarts = bool(files) or self._reading["pending"] or expected != self._reading["flags"]
        actions = [
            f"write:{each['path']}" if each["content"] is not None else f"remove:{each['path']}" for each in files
        ]
        return NodePlan(
            step={"files": files, "flags": expected} if restarts else None,
            config=self._path,
            actions=[*actions, *(["restart:kubelet"] if restarts else [])],
            diff=self._diff,
        )

    def _present(self) -> tuple[list[dict[str, t.Any]], Flags]:
        self._check_node()
        settings = self._settings
        if not self._has_own_flags and self._flags.bin_dir != settings.folder:
            raise IrsaError(
                f"The kubelet already has {CONFIG}={self._flags.config} and looks for its credential providers in "
                f"{quoted(self._flags.bin_dir)}. Put the program there and set irsa_image_pulls_provider_path to it; "
                f"it is {quoted(settings.provider_path)}."
            )
        content = _content(self._config)
        new = entry(settings)
        try:
            after = provider_config.created(new) if content is None else provider_config.with_provider(content, new)
        except Fault as fault:
            raise self._unusable(self._path, fault) from None
        files = self._written(self._config, after)
        if not self._has_own_flags:
            return files, self._flags
        flags = Flags(self._path, settings.folder)
        return [*files, *self._environment(flags)], flags

    def _absent(self) -> tuple[list[dict[str, t.Any]], Flags]:
        content = _content(self._config)
        try:
            after = None if content is None else provider_config.without_provider(content)
        except Fault as fault:
            raise self._unusable(self._path, fault) from None
        if content is not None and after is None and not self._has_own_flags and len(self._configs) == 1:
            raise IrsaError(
                f"The provider of this role is the only one in {self._path}, and the kubelet does not start without "
                f"any. Remove its flags {self._flags} where you set them, and run again."
            )
        files = self._written(self._config, after)
        if not self._has_own_flags or after is not None:
            return files, self._flags
        # The flags first: a kubelet that is started in between finds a file or no flags.
        return [*self._environment(Flags()), *files], Flags()

    def _environment(self, flags: Flags) -> list[dict[str, t.Any]]:
        """Return the file of the flags with these ones, and without ours of before."""
        file = self._reading["environment"]
        before = _text(file)
        present = Flags.of(before or "")
        if present == flags:
            return []
        if flags and self._reading["unit_sets_flags"] and not sets_variable(before or ""):
            raise IrsaError(
                f"The unit of the kubelet sets {VARIABLE} itself, which a file that sets it would replace. Move it to "
                f"{file['path']}, and run again. Nothing was changed."
            )
        try:
            text = without_flags(before, present) if before is not None and present else before
            text = with_flags(text, flags) if flags else text
        except Fault as fault:
            raise self._unusable(file["path"], fault) from None
        return self._written(file, None if text is None else text.encode("utf-8", "surrogateescape"), hides=True)

    def _written(self, file: _Found, after: bytes | None, *, hides: bool = False) -> list[dict[str, t.Any]]:
        before = _content(file)
        if before == after:
            return []
        if file["is_link"]:
            raise self._unusable(file["path"], Fault("it is a symbolic link. Put the file itself in its place"))
        self._diff.append(_difference(file["path"], before, after))
        content = None if after is None else base64.b64encode(after).decode()
        return [{"path": file["path"], "content": content, "expected": file["sha256"], "mode": 0o644, "hides": hides}]

    def _check_node(self) -> None:
        reading, path = self._reading, self._settings.provider_path
        version = re.match(r"v1\.(\d+)", reading["version"])
        if not version or int(version[1]) < _FIRST_MINOR:
            raise IrsaError(
                f"The kubelet is {quoted(reading['version'])}. It gives credential providers tokens of accounts "
                f"from v1.{_FIRST_MINOR} on."
            )
        if reading["provider"]:
            raise IrsaError(
                f"{quoted(path)}, the path in irsa_image_pulls_provider_path, {reading['provider']} on this node. Put "
                "ecr-credential-provider there, with mode 0755, before this role runs."
            )
        for other, file in self._configs.items():
            content = _content(file)
            if other != self._path and content is not None:
                self._check_name(other, content)

    def _check_name(self, path: str, content: bytes) -> None:
        """Raise IrsaError if another file of the folder has a provider of our name, which the kubelet refuses."""
        try:
            names = [each["name"] for each in provider_config.providers_of(content)]
        except Fault as fault:
            raise self._unusable(path, fault) from None
        if self._settings.name in names:
            raise IrsaError(
                f"{path} has a provider {quoted(self._settings.name)}, too. Remove it, or give the program of "
                "irsa_image_pulls_provider_path another name."
            )

    def _unusable(self, path: str, fault: Fault) -> IrsaError:
        return IrsaError(f"{path} cannot be changed: {fault}. Nothing was changed.")


def _difference(path: str, before: bytes | None, after: bytes | None) -> dict[str, str]:
    """Return what changes, without what others have in the file, which may be secret."""
    texts = [_ours_in(content) for content in (before, after)]
    return {"before_header": path, "after_header": path, "before": texts[0], "after": texts[1]}


def _ours_in(content: bytes | None) -> str:
    if content is None:
        return ""
    flags = Flags.of(content.decode("utf-8", "surrogateescape"))
    if flags:
        return f"{flags}\n"
    try:
        ours = [each for each in provider_config.providers_of(content) if is_ours(each)]
    except Fault:
        return ""
    return "".join(f"{json.dumps(each, indent=2)}\n" for each in ours)
