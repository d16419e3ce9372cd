# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs return, whatever they did."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document


def nothing_installed(method: str, reason: str) -> dict[str, t.Any]:
    """Return the result of a run that has nothing to install."""
    return {
        "changed": False,
        "actions": [],
        "diff": [],
        "warnings": [],
        "method": method,
        "manifests": [],
        "certificates": {},
        "labelled": [],
        "unlabelled": [],
        "proof": not_proved(reason),
    }


def not_proved(reason: str) -> dict[str, t.Any]:
    """Return what stands for a proof that was not made."""
    return {"injected": None, "reason": reason, "servers": [], "volumes": [], "volumeMounts": [], "env": []}


def recorded(ledger: Ledger) -> dict[str, t.Any]:
    """Return what a run did and warned of."""
    return {"changed": ledger.changed, "actions": ledger.actions, "diff": ledger.diff, "warnings": ledger.warnings}


def without_secrets(documents: t.Iterable[Document]) -> list[Document]:
    """Return documents as a result may show them: Secrets have no contents."""
    return [
        {name: value for name, value in each.items() if name not in ("data", "stringData")}
        if each["kind"] == "Secret"
        else each
        for each in documents
    ]
