# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables of role irsa_rotate ask for, and the names that they may have."""

from __future__ import annotations

import dataclasses

STATUS = "status"
AUTO = "auto"
PREPARE = "prepare"
ACCEPT = "accept"
SIGN = "sign"
RETIRE_PUBLISHED = "retire-published"
RETIRE_ACCEPTED = "retire-accepted"
REVOKE = "revoke"
# In the order of a rotation.
STEPS = (PREPARE, ACCEPT, SIGN, RETIRE_PUBLISHED, RETIRE_ACCEPTED)
PHASES = (STATUS, AUTO, *STEPS, REVOKE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The variables that decide when a phase may be done.

    :ivar cache_seconds: irsa_rotate_cache_seconds: for how long a relying party may keep the JWKS
    :ivar token_seconds: irsa_rotate_token_seconds: for how long a token for AWS is valid
    :ivar stale_window: irsa_rotate_stale_window: for how long the counters of stale tokens must stand still
    :ivar force: irsa_rotate_force: names of refusals that do not count
    :ivar parties: the names in irsa_rotate_relying_parties
    :ivar by: who runs the playbook
    :ivar dead_runs: others who began and are known to run no longer
    :ivar key_type: irsa_rotate_key_type, empty: as the present key
    :ivar key_kid: the ID of the key that is handed over in irsa_rotate_key_path
    :ivar revoke_kid: irsa_rotate_revoke_kid
    """

    cache_seconds: int = 3600
    token_seconds: int = 86400
    stale_window: int = 3600
    force: frozenset[str] = frozenset()
    parties: tuple[str, ...] = ()
    by: str = ""
    dead_runs: frozenset[str] = frozenset()
    key_type: str = ""
    key_kid: str | None = None
    revoke_kid: str | None = None
