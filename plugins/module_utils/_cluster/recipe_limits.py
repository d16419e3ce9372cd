# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a recipe cannot do, as messages that say what to do instead."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import NEW, Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

_ADOPT = (
    "Set irsa_apiserver_key to adopt, and publish the key that the cluster signs with; docs/move-a-running-cluster.md "
    "says how."
)


def refuse_own_key(request: Request, title: str, reason: str, *, instead: str = _ADOPT) -> None:
    """Raise IrsaError if the issuer's own key is to be installed. ``reason`` and ``instead`` are sentences."""
    if request.private_key is not None:
        raise IrsaError(f"irsa_apiserver_key is own, which is not possible with {title}. {reason} {instead}")


def refuse_key_files(request: Request, distribution: str, *, instead: str = "") -> None:
    """Raise IrsaError if keys are given: for this distribution, no recipe brings a file to the servers."""
    refuse_own_key(request, distribution, "No recipe brings the key to its servers.", instead=instead or _ADOPT)
    if request.public_keys:
        raise IrsaError(
            f"irsa_apiserver_accepted_public_keys cannot be used with {distribution}: there is no recipe that brings "
            f"the keys to its servers. {instead or 'Leave it empty.'}"
        )


def refuse_running(phases: t.Iterable[str], distribution: str, *, why: str, instead: str) -> None:
    """Raise IrsaError if there is a phase of a running cluster: this distribution can only be told beforehand."""
    if any(phase != NEW for phase in phases):
        raise IrsaError(f"The issuer of a running cluster of {distribution} cannot be changed: {why}. {instead}")
