# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths in the data folder of a snap, which has two names.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import re

_REVISION = re.compile(r"(?<=^/var/snap/microk8s/)x?\d+(?=/)")


def of_current_revision(path: str) -> str:
    """Return a path below ``current`` for one below the folder of MicroK8s's revision, any other path as it is.

    SNAP_DATA, which MicroK8s's arguments begin with, is the folder of the revision that runs, and the link ``current``
    leads there: https://snapcraft.io/docs/environment-variables
    """
    return _REVISION.sub("current", path)
