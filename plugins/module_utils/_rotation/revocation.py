# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fails when a leaked key is revoked at once, for how long, and what to do about it."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import duration, moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.denial import Denial, denial
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.key_refusals import (
    cache_seconds,
    last_switch,
    legacy_tokens_of,
    token_seconds,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.refusals import is_or_are, named
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

    :ivar workload: what to restart, such as "deployment/cart"; None if nothing of the kind makes the pod
    :ivar is_made_again: whether something makes a pod in its place if it is deleted, such as a Job
    :ivar uses_aws: whether it has a token for AWS
    :ivar is_critical: whether the cluster cannot do without it
    :ivar started: when it started
    """

    namespace: str
    name: str
    workload: str | None = None
    is_made_again: bool = True
    uses_aws: bool = False
    is_critical: bool = False
    started: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Revocation:
    """What a revocation means.

    :ivar consequences: sentences that say what fails, and for how long
    :ivar hasten: commands that end it sooner: first for what the cluster needs, then for what uses AWS
    :ivar pods: pods with tokens of the leaked key, or with sessions that end, as namespace/name in the same order
    :ivar deny_policy: an IAM policy for each role that trusts the issuer, which ends sessions that were given before
    :ivar deny_again_at: when the policy must be attached again, with that time; None: never
    """

    kid: str
    consequences: tuple[str, ...]
    hasten: tuple[str, ...]
    pods: tuple[str, ...]
    deny_policy: dict[str, t.Any]
    deny_again_at: str | None


def refresh_seconds(life: float) -> float:
    """Return after how long the kubelet has replaced a token at the latest."""
    return min(life * _REFRESHED_AFTER, _MAX_AGE) + _JITTER


def revocation(
    kid: str,
    facts: Facts,
    record: Record,
    *,
    settings: Settings,
    pods: t.Iterable[Pod] = (),
    unlisted: str | None = None,
) -> Revocation:
    """Return what it means to revoke a key now, without the waits of a rotation.

    ``unlisted`` is why the pods could not be listed.
    """
    denied, switched = denial(kid, facts, record, settings=settings), switched_at(kid, facts, record)
    affected = [pod for pod in pods if _is_affected(pod, switched, denied)]
    affected.sort(key=lambda pod: (not pod.is_critical, not pod.uses_aws, pod.namespace, pod.name))
    return Revocation(
        kid=kid,
        consequences=(
            *_left_alone(kid, facts),
            *_consequences(kid, facts, settings),
            *_of_sessions(denied),
            *_of_pods(affected, unlisted),
        ),
        hasten=tuple(_hasten(kid, facts, affected)),
        pods=tuple(f"{pod.namespace}/{pod.name}" for pod in affected),
        deny_policy=denied.policy,
        deny_again_at=None if denied.again_at is None else moment(denied.again_at),
    )


def switched_at(kid: str, facts: Facts, record: Record) -> float | None:
    """Return when the last server stopped signing with a key; None if one still does, or could not be read."""
    if all(server.signing not in (None, kid) for server in facts.servers):
        return last_switch(facts, record, (kid,))[0]
    return None


def _is_affected(pod: Pod, switched: float | None, denied: Denial) -> bool:
    """Whether a pod may have a token of the key, or a session that the policy ends."""
    if switched is None or pod.started is None:
        return True
    return pod.started <= (max(switched, denied.before) if pod.uses_aws else switched)


def _left_alone(kid: str, facts: Facts) -> t.Iterator[str]:
    left = [server for server in facts.servers if not server.can_be_changed]
    if left:
        yield (
            f"{named(server.name for server in left)} {is_or_are(left)} no host of this play, or could not be read, "
            f"and so not changed: tokens of {kid} may be accepted and made there, and those of the new key refused. "
            "Stop the API server there, or run this again for it, too."
        )


def _consequences(kid: str, facts: Facts, settings: Settings) -> t.Iterator[str]:
    caches = duration(cache_seconds(facts, settings))
    yield (
        f"AWS and other relying parties refuse tokens of {kid} as soon as they read the JWKS again, and may accept "
        f"them for {caches} more. For as long, some may refuse tokens of the new key."
    )
    yield (
        "Pods get no new AWS credentials until the kubelet has replaced their token, for up to "
        f"{duration(refresh_seconds(token_seconds(facts, settings)))}. Credentials that they have stay valid until "
        "they expire, or until the deny policy ends them."
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


def _of_sessions(denied: Denial) -> t.Iterator[str]:
    """Yield what the policy ends. SDKs ask for other credentials when theirs are about to expire, not when they are
    refused: https://github.com/boto/botocore/blob/1.40.0/botocore/credentials.py
    """
    before = moment(denied.before)
    yield (
        "Someone who has the key may have sessions of each role that trusts the issuer. Attach the deny policy to "
        f"each: it ends all sessions that were given before {before}, those of pods, too, and SDKs get others only "
        "when theirs are about to expire. So restart pods with AWS tokens afterwards."
    )
    if denied.again_at is not None:
        at = moment(denied.again_at)
        yield (
            f"Caches may have the key until {at}, so that sessions can be given for its tokens until then. Run this "
            f"again after {at}: it has the policy with that time, and the pods to restart once more."
        )
    elif not denied.is_final:
        yield "The key is still in the JWKS. The policy has another time when it has left: attach the one of then."


def _of_pods(pods: t.Sequence[Pod], unlisted: str | None) -> t.Iterator[str]:
    if unlisted is not None:
        yield f"Pods could not be listed; restart all that use AWS or the Kubernetes API. {unlisted}"
    alone = [pod for pod in pods if not pod.is_made_again]
    if alone:
        yield (
            f"Nothing makes {named(f'{pod.namespace}/{pod.name}' for pod in alone)} again once deleted, so there is "
            "no command for that. Save the manifests, and replace these pods by hand."
        )


def _hasten(kid: str, facts: Facts, pods: t.Sequence[Pod]) -> t.Iterator[str]:
    """Yield a command for the workloads of each namespace that are as urgent, and one for pods that something else
    makes again, such as a Job.
    """
    commands: dict[tuple[bool, bool, str, str], list[str]] = {}
    for pod in pods:
        if pod.is_made_again:
            verb = "rollout restart" if pod.workload else "delete pod"
            place = (pod.is_critical, pod.uses_aws, pod.namespace, verb)
            commands.setdefault(place, []).append(pod.workload or pod.name)
    restarted: set[tuple[str, str]] = set()
    for (_critical, _aws, namespace, verb), names in commands.items():
        left = [name for name in dict.fromkeys(names) if (namespace, name) not in restarted]
        restarted.update((namespace, name) for name in left)
        if left:
            yield f"kubectl -n {namespace} {verb} {' '.join(left)}"
    for token in legacy_tokens_of(facts, kids=(kid,)):
        patch = """'{"data": {"token": null}}'"""
        yield f"kubectl -n {token.namespace} patch secret {token.name} -p {patch}"
