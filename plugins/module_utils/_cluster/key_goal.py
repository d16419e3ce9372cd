# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of a cluster's API servers when its signing key is changed.

key_change.plan(cluster, KeyGoal(…), distribution=…, options=…) -> model.Plan      the steps of one phase
key_change.limits(cluster, distribution) -> {phase of the role: reason}        what this cluster cannot do
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, RETIRE_KEY, SIGN

# How a summary says what servers restart for.
PURPOSES: t.Mapping[str, str] = {
    ACCEPT: "to verify the new key",
    SIGN: "to sign with the new key",
    RETIRE_KEY: "to refuse the former key",
}


# What the role calls these phases.
ROLE_PHASES: t.Mapping[str, str] = {ACCEPT: "accept", SIGN: "sign", RETIRE_KEY: "retire-accepted"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeyGoal:
    """One phase of a change of keys.

    :ivar phase: ``ACCEPT`` (verify the new key, too), ``SIGN`` (sign with it) or ``RETIRE_KEY`` (verify the former ones
        no longer)
    :ivar kid: the ID of the new key
    :ivar public_key: the new key's public half in PEM (PUBLIC KEY)
    :ivar digest: the SHA-256 of the file with its private half; None: the key is yet to be made
    :ivar retired_kids: the IDs of the former keys, for ``RETIRE_KEY``
    :ivar force: go on without the servers that cannot be changed, and in spite of the conflicts that may be overruled
    """

    phase: str
    kid: str
    public_key: str
    digest: str | None = None
    retired_kids: frozenset[str] = frozenset()
    force: bool = False
