# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How objects in a cluster that we created are told from those of others."""

from __future__ import annotations

import typing as t

# Everything that we create has this label, and of what has our names, nothing without it is changed or removed.
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "selfhosted.irsa"
FIELD_MANAGER = "selfhosted.irsa"

LABELS = {MANAGED_BY_LABEL: MANAGED_BY}
SELECTOR = {"labelSelector": f"{MANAGED_BY_LABEL}={MANAGED_BY}"}


def is_ours(present: t.Mapping[str, t.Any]) -> bool:
    """Whether an object has our label."""
    labels = present["metadata"].get("labels") or {}
    return bool(labels.get(MANAGED_BY_LABEL) == MANAGED_BY)
