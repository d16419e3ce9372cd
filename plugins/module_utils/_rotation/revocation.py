# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fails when a leaked key is revoked at once, for how long, and what to do about it."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import duration, moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.key_refusals import (
    cache_seconds,
    last_switch,
    legacy_tokens_of,
    token_seconds,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import Settings

# The life that the service account admission plugin asks for in pods' tokens for the API server:
# WarnOnlyBoundTokenExpirationPeriod in
# https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/serviceaccount/claims.go
API_TOKEN_SECONDS = 3607
# https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/kubelet/token/token_manager.go: a token is requested again
# after 80 % of its life, at the latest after 24 hours, with up to 10 seconds of jitter.
_REFRESHED_AFTER = 0.8
_MAX_AGE = 24 * 3600
_JITTER = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod that runs.

    :ivar workload: what to restart, such as "deployment/cart"; None for a pod that kubectl cannot restart by its owner
    :ivar is_alone: nothing makes it again if it is deleted
    :ivar uses_aws: whether it has a token for AWS
    :ivar started: when it started
    """

    namespace: str
    name: str
    workload: str | None = None
    is_alone: bool = False
    uses_aws: bool = False
    started: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Revocation:
    """What a revocation means.

    :ivar consequences: sentences that say what fails, and for how long
    :ivar hasten: commands that end it sooner, those for pods with AWS tokens first
    :ivar alone: commands that replace pods which would not come back if they were only deleted
    :ivar pods: pods with tokens of the leaked key, as namespace/name, those with AWS tokens first
    :ivar deny_policy: an IAM policy for each role that trusts the issuer, which ends sessions that were given before
    """

    kid: str
    consequences: tuple[str, ...]
    hasten: tuple[str, ...]
    alone: tuple[str, ...]
    pods: tuple[str, ...]
    deny_policy: dict[str, t.Any]


def refresh_seconds(life: float) -> float:
    """Return after how long the kubelet has replaced a token at the latest."""
    return min(life * _REFRESHED_AFTER, _MAX_AGE) + _JITTER


def deny_policy(before: float) -> dict[str, t.Any]:
    """Return the policy that refuses everything to sessions that were given before a time.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
    """
    statement = {
        "Sid": "SessionsOfALeakedKey",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": moment(before)}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def revocation(
    kid: str,
    facts: Facts,
    settings: Settings,
    *,
    pods: t.Iterable[Pod] = (),
    unlisted: str | None = None,
    switched: float | None = None,
) -> Revocation:
    """Return what it means to revoke a key now, without the waits of a rotation.

    ``unlisted`` is why the pods could not be listed. ``switched`` is when the last server stopped signing with the key;
    None: it has not. Pods that started later have no token of it.
    """
    affected = [pod for pod in pods if switched is None or pod.started is None or pod.started <= switched]
    affected.sort(key=lambda pod: (not pod.uses_aws, pod.namespace, pod.name))
    return Revocation(
        kid=kid,
        consequences=(*_consequences(kid, facts, settings), *_unlisted(unlisted)),
        hasten=tuple(_hasten(kid, facts, [pod for pod in affected if not pod.is_alone])),
        alone=tuple(_replaced(pod) for pod in affected if pod.is_alone),
        pods=tuple(f"{pod.namespace}/{pod.name}" for pod in affected),
        deny_policy=deny_policy(facts.now + cache_seconds(facts, settings)),
    )


def switched_at(kid: str, facts: Facts, record: Record) -> float | None:
    """Return when the last server stopped signing with a key; None if one still does, or could not be read."""
    if all(server.signing not in (None, kid) for server in facts.servers):
        return last_switch(facts, record, (kid,))[0]
    return None


def _consequences(kid: str, facts: Facts, settings: Settings) -> t.Iterator[str]:
    caches = duration(cache_seconds(facts, settings))
    yield (
        f"AWS and other relying parties refuse tokens of {kid} as soon as they read the JWKS again, and may accept "
        f"them for {caches} more. For as long, some may refuse tokens of the new key."
    )
    yield (
        "Pods get no new AWS credentials until the kubelet has replaced their token, for up to "
        f"{duration(refresh_seconds(token_seconds(facts, settings)))}. Credentials that they have stay valid until "
        "they expire."
    )
    yield (
        "API servers refuse pods' tokens until the kubelet has replaced them, for up to "
        f"{duration(refresh_seconds(API_TOKEN_SECONDS))}; to pods that read their token once, until they are restarted."
    )
    left = legacy_tokens_of(facts, kids=(kid,))
    if left:
        names = ", ".join(f"{token.namespace}/{token.name}" for token in left)
        yield f"Tokens in these Secrets are refused for good, until they have new tokens: {names}."
    if facts.legacy_tokens is None:
        yield "Secrets with tokens could not be listed; those with tokens of the leaked key are refused for good."
    if settings.parties:
        yield f"Tell those in irsa_rotate_relying_parties to forget the key: {', '.join(settings.parties)}."
    yield (
        "Someone who has the key may have sessions of each role that trusts the issuer. Add the deny policy to these "
        "roles to end all sessions that were given before its time; pods get new ones."
    )


def _unlisted(reason: str | None) -> t.Iterator[str]:
    if reason is not None:
        yield f"Pods with AWS tokens could not be listed; restart all that use AWS. {reason}"


def _hasten(kid: str, facts: Facts, pods: t.Sequence[Pod]) -> t.Iterator[str]:
    """Yield commands for each workload once, and for each pod whose owner makes another one when it is gone."""
    commands = (
        f"kubectl -n {pod.namespace} rollout restart {pod.workload}"
        if pod.workload
        else f"kubectl -n {pod.namespace} delete pod {pod.name}"
        for pod in pods
    )
    yield from dict.fromkeys(commands)
    for token in legacy_tokens_of(facts, kids=(kid,)):
        patch = """'{"data": {"token": null}}'"""
        yield f"kubectl -n {token.namespace} patch secret {token.name} -p {patch}"


def _replaced(pod: Pod) -> str:
    """Return the command that makes a pod again as it is: https://kubernetes.io/docs/reference/kubectl/quick-reference/"""
    kubectl = f"kubectl -n {pod.namespace}"
    return f"{kubectl} get pod {pod.name} -o yaml | {kubectl} replace --force -f -"
