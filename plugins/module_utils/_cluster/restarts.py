# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a plan and its result say what restarts."""

from __future__ import annotations


def of_servers(count: int) -> str:
    """Return how many API servers restart, and how."""
    return "1 API server restarts" if count == 1 else f"{count} API servers restart, one at a time"


def of_managers(count: int) -> str:
    """Return how many controller managers restart."""
    return "1 controller manager restarts" if count == 1 else f"{count} controller managers restart"
