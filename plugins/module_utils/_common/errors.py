# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error type that rooms raise."""

from __future__ import annotations

import typing as t


class IrsaError(Exception):
    """Something a user can act on: what was tried, on what, what came back, what to do.

    ``str()`` of it is the whole message. ``details`` (JSON-like) goes into the failed result beside the message and
    never holds a secret. ``warnings`` is what was noticed on the way, and may be the cause.
    """

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.details = details
        self.warnings: t.Sequence[str] = ()
