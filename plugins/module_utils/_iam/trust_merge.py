# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change which service accounts a role trusts, and leave everything else in its trust policy as it is.

A role may be trusted for several clusters, each by a statement of its own, and for other reasons by statements of
others.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import (
    Statement,
    is_policy,
    statements_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import (
    VERSION,
    Grant,
    Policy,
    grant_of,
    sid_of,
    statement_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_reading import policy_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trust:
    """Whom a role is to trust with tokens of one provider.

    ``audiences`` has the audience of each subject that may assume the role, ``former`` those for which a subject may
    no longer. Subjects that are ``leaving`` may not for any audience. What else our statements say stays: about other
    subjects, and about a subject's earlier audience, since the tokens of pods that run keep it.
    """

    provider_arn: str
    audiences: t.Mapping[str, str]
    former: t.Mapping[str, t.Collection[str]] = dataclasses.field(default_factory=dict)
    leaving: t.Collection[str] = ()

    @property
    def sids(self) -> set[str]:
        """The Sids of our statements that the run is about."""
        former = (audience for audiences in self.former.values() for audience in audiences)
        return {sid_of(self.provider_arn, audience) for audience in [*self.audiences.values(), *former]}

    def after(self, grant: Grant) -> Grant:
        """Return what one of our statements is to say, with the subjects that it has already."""
        own = {subject for subject, audience in self.audiences.items() if audience == grant.audience}
        gone = {subject for subject, audiences in self.former.items() if grant.audience in audiences}
        return grant._replace(subjects=(grant.subjects - gone - set(self.leaving)) | own)


def read_policy(document: t.Any) -> Policy:
    """Return the trust policy of a role as IAM returned it. Raises Fault if it is not a policy."""
    policy = policy_of(document)
    if not is_policy(policy):
        raise Fault("its trust policy cannot be read")
    return t.cast(Policy, policy)


def merged(policy: Policy | None, trust: Trust) -> Policy:
    """Return a role's trust policy with our statements for a provider brought up to date.

    Every other statement stays as it is. If nothing has to change, the answer equals ``policy``; it has no statement if
    none is left. Raises Fault if a statement has a Sid of ours and says something else.
    """
    statements: list[Statement] = []
    present: set[str] = set()
    for statement in statements_of(policy):
        grant = _own_grant(statement, trust)
        if grant is None:
            statements.append(statement)
            continue
        desired = trust.after(grant)
        if desired.subjects and grant.audience not in present:
            statements.append(statement if desired == grant else _statement(desired))
        present.add(grant.audience)
    new = sorted(set(trust.audiences.values()) - present)
    statements += [_statement(trust.after(Grant(trust.provider_arn, audience, frozenset()))) for audience in new]
    if policy is None:
        return {"Version": VERSION, "Statement": statements}
    return policy if statements == statements_of(policy) else {**policy, "Statement": statements}


def older_audiences(policy: Policy, trust: Trust) -> dict[str, list[str]]:
    """Return the other audiences for which our statements trust subjects that are to have one."""
    older: dict[str, list[str]] = {}
    for statement in statements_of(policy):
        grant = _own_grant(statement, trust)
        for subject in sorted(grant.subjects) if grant else []:
            if grant and trust.audiences.get(subject, grant.audience) != grant.audience:
                older.setdefault(subject, []).append(grant.audience)
    return older


def others_trusted(policy: Policy, trust: Trust) -> list[str]:
    """Return the subjects of our statements for a provider that the run says nothing about."""
    found = {
        subject
        for statement in statements_of(policy)
        for grant in [_own_grant(statement, trust)]
        if grant is not None
        for subject in grant.subjects
    }
    return sorted(found - trust.audiences.keys() - trust.former.keys())


def _own_grant(statement: Statement, trust: Trust) -> Grant | None:
    """Return what a statement says if it is ours and for the provider. Raises Fault if only its Sid is ours."""
    grant = grant_of(statement)
    if grant is not None and grant.arn == trust.provider_arn:
        return grant
    sid = statement.get("Sid")
    if grant is None and sid in trust.sids:
        raise Fault(
            f"its trust policy has a statement {quoted(sid)}, which is the Sid of this collection's statement for "
            f"{trust.provider_arn}, but the statement was changed; remove it, or give it another Sid"
        )
    return None


def _statement(grant: Grant) -> Statement:
    return statement_of(grant.arn, audience=grant.audience, subjects=grant.subjects)
