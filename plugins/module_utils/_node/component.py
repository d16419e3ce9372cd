# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A component of the control plane on this node that a step changes: a static pod, or a service of systemd.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault


class Hopeless(Fault):
    """A fault that does not pass with time."""


class Component(t.Protocol):
    """What ``look`` found before it was changed is ``before``, with the arguments that ran as ``command``.

    Every method raises Fault with a whole sentence's predicate.
    """

    name: str
    before: t.Mapping[str, t.Any]

    def look(self) -> None:
        """Remember what it is before it is changed. Raises Fault if that cannot be seen."""

    def restart(self) -> None:
        """Have it started again, by the files as they are now."""

    def require_started(self, arguments: t.Sequence[str], *, is_new: bool) -> dict[str, t.Any]:
        """Return what it is, as ``name`` and in words as ``seen``. Raises Fault unless it runs with these arguments,
        ``is_new``: started since ``look``. Raises Hopeless if it ends again and again.
        """

    def require_running(self, arguments: t.Any) -> dict[str, t.Any]:
        """Return what it is. Raises Fault unless it runs with these arguments."""

    def require_former(self) -> None:
        """Raise Fault unless it runs as it did at ``look``."""

    def end_of_log(self) -> str:
        """Return the last lines that it logged."""
