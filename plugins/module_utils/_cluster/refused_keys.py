# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether servers refuse what another one signs."""

from __future__ import annotations

import typing as t


def is_refused(kid: str | None, verified: t.Iterable[t.Collection[str] | None]) -> bool:
    """Whether another server does not verify the key that a server signs with.

    ``verified`` are the IDs of the keys that each other server verifies. None: not known.
    """
    return kid is not None and any(kids is not None and kid not in kids for kids in verified)
