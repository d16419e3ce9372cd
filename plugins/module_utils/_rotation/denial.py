# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM policy that ends the sessions which AWS gave for tokens of a leaked key, and the time that it must have.

It ends those of pods, too. So its time is when the key has left the JWKS, not an hour to come: pods could not get a
session until then. If caches may keep the key, the policy is attached again when that is over.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.key_refusals import cache_seconds
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.stage import published

# What STS had read when the key left may still be in use. It was seen to use a changed JWKS within 2 seconds.
_IN_USE = 60


@dataclasses.dataclass(frozen=True, kw_only=True)
class Denial:
    """Which sessions are ended.

    :ivar is_final: no session can be given for a token of the key any more
    :ivar before: sessions that were given before this time are ended now
    :ivar again_at: the time that the policy must have once more, when it has come; None: never
    """

    is_final: bool
    before: float
    again_at: float | None = None

    @property
    def policy(self) -> dict[str, t.Any]:
        """The policy for each role that trusts the issuer.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
        """
        statement = {
            "Sid": "SessionsOfALeakedKey",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": moment(self.before)}},
        }
        return {"Version": "2012-10-17", "Statement": [statement]}


def denial(kid: str, facts: Facts, record: Record, *, settings: Settings) -> Denial:
    """Return which sessions are ended by what is known of when the key left the JWKS. While it is there: those so far.

    A later run names the same time, or that after which no cache has the key.
    """
    if kid in published(facts):
        return Denial(is_final=False, before=facts.now)
    withdrawn = record.withdrawn_at(kid)
    if withdrawn is None:
        withdrawn = facts.modified if facts.modified is not None else facts.now
    left, kept = withdrawn + _IN_USE, _kept_for(facts, settings)
    if kept and facts.now < left + kept:
        return Denial(is_final=False, before=left, again_at=left + kept)
    return Denial(is_final=True, before=left + kept)


def _kept_for(facts: Facts, settings: Settings) -> int:
    """Return for how long AWS may keep the JWKS: not at all if it says no-cache.

    AWS documents no rule of its own, so without such a header the longest time that anyone may keep it counts.
    """
    return 0 if facts.max_age == 0 else cache_seconds(facts, settings)
