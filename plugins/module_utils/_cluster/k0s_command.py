# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command of k0s' service says: where its files are, and what is not in its configuration.

https://docs.k0sproject.io/stable/cli/k0s_controller/
"""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import Arguments

# Read if it is there, unless the command names another file:
# https://github.com/k0sproject/k0s/blob/v1.34.1+k0s.0/pkg/config/cfgvars.go
DEFAULT_CONFIG = "/etc/k0s/k0s.yaml"
STANDARD_INPUT = "-"
_DEFAULT_DATA = "/var/lib/k0s"

_CONTROLLER_MANAGER = "kube-controller-manager-extra-args"
_DYNAMIC = "enable-dynamic-config"


class Command:
    """The command of the service, as words."""

    def __init__(self, words: t.Iterable[str]) -> None:
        self._options = Arguments.of(_written_out(words), "k0s")

    @property
    def config(self) -> str:
        """The path of its configuration, or STANDARD_INPUT."""
        path = self._options.value("config") or DEFAULT_CONFIG
        return path if path == STANDARD_INPUT else _absolute(path)

    @property
    def pki(self) -> str:
        """The folder of the cluster's keys."""
        return posixpath.join(_absolute(self._options.value("data-dir") or _DEFAULT_DATA), "pki")

    @property
    def is_dynamic(self) -> bool:
        """Whether an object of the cluster replaces most of the configuration."""
        return self._options.value(_DYNAMIC) in ("", "true")

    def controller_manager_flag(self, name: str) -> str | None:
        """Return the value of a flag of kube-controller-manager that is among the command's words.

        They stand in one argument, with or without dashes, and come before those of the configuration:
        https://github.com/k0sproject/k0s/blob/v1.34.1+k0s.0/pkg/component/controller/controllermanager.go
        """
        words = (self._options.value(_CONTROLLER_MANAGER) or "").replace("--", "").split()
        pairs = dict(word.partition("=")[::2] for word in words)
        # systemd shows words without the quotes around them, so that this argument can be in pieces.
        return pairs.get(name) or self._options.value(name)


def _written_out(words: t.Iterable[str]) -> t.Iterator[str]:
    """Yield the words with the configuration under its long name and in one word: -c is short for --config, and its
    value may be a dash.
    """
    is_config = False
    for word in words:
        if is_config:
            yield f"--config={word}"
        elif word.startswith("-c") and word != "-c":
            yield f"--config={word[2:].removeprefix('=')}"
        elif word not in ("-c", "--config"):
            yield word
        is_config = not is_config and word in ("-c", "--config")


def _absolute(path: str) -> str:
    # A service runs in the root folder.
    return posixpath.normpath(posixpath.join("/", path))
