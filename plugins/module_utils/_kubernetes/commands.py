# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands that people copy from a message into a shell. What a cluster calls its objects must stay a name there."""

from __future__ import annotations

import shlex


def kubectl(namespace: str, *arguments: str) -> str:
    """Return a call of kubectl for one namespace."""
    return shlex.join(["kubectl", "--namespace", namespace, *arguments])
