# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which keys an API server must serve and sign with after a step."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import SIGNING_KEY_FILE, Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ACCEPT,
    RETIRE_KEY,
    SIGN,
    Goal,
    Server,
)

# What a key is called that does not exist yet, in the form of a key ID.
PLANNED = "the-ID-of-the-key-that-is-yet-to-be-created"


def kids_after(phase: str, server: Server, goal: Goal) -> frozenset[str]:
    """Return the key IDs that its JWKS must have, as far as they are known."""
    own = goal.own_kid if phase in (ACCEPT, SIGN, RETIRE_KEY) else None
    return frozenset(kid for kid in (server.signing_kid, own) if kid)


def signing_kid_after(phase: str, server: Server, goal: Goal, *, before: Arguments, after: Arguments) -> str | None:
    """Return the key that signs; None where the step brings back a key that is not known.

    ``before`` are the arguments with which the server signs as ``server.signing_kid`` says.
    """
    if phase == SIGN and goal.own_kid:
        return goal.own_kid
    return server.signing_kid if before.value(SIGNING_KEY_FILE) == after.value(SIGNING_KEY_FILE) else None
