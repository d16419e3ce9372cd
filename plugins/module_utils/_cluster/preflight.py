# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be right on every API server before anything is written: all problems and warnings at once.

The start conditions of kube-apiserver are those of version 1.37,
https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/kubeapiserver/options/authentication.go
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import yaml_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    AUTHENTICATION_CONFIG,
    ISSUER,
    KEY_FILE,
    MAX_TOKEN_EXPIRATION,
    OIDC_ISSUER_URL,
    SIGNING_ENDPOINT,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.issuer_flags import is_issuer
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ABSENT,
    BACKUP_FOLDER,
    Cluster,
    Findings,
    Goal,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.views import View, compared
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted

AWS_AUDIENCE = "sts.amazonaws.com"

# A day: what AWS tokens are requested for by the EKS webhook and by the policies of this collection.
_AWS_SECONDS = 86400

_DURATION = re.compile(r"(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)(?:\.\d+)?s)?")

_Rule = t.Callable[[View], t.Iterator[str]]


def check(views: t.Sequence[View], goal: Goal, cluster: Cluster) -> Findings:
    """Return what speaks against changing these servers."""
    problems = [
        *([] if views else ["No API server was found."]),
        *_goal_problems(goal),
        *by_text((view.name, text) for view in views for rule in _PROBLEMS for text in rule(view)),
        *_key_differences(views, goal),
        *_refusals(views, goal),
        *([] if goal.force else _flag_differences(views)),
    ]
    warnings = by_text((view.name, text) for view in views for rule in _WARNINGS for text in rule(view))
    return Findings(problems=tuple(problems), warnings=(*warnings, *_legacy_tokens(goal, cluster)))


def by_text(found: t.Iterable[tuple[str, str]]) -> list[str]:
    """Return each text once, after the names of all servers that it is about."""
    names: dict[str, list[str]] = {}
    for name, text in found:
        names.setdefault(text, []).append(name)
    return [f"{', '.join(each)}: {text}" for text, each in names.items()]


def _goal_problems(goal: Goal) -> t.Iterator[str]:
    for issuer in (goal.issuer, *goal.accepted_issuers):
        if not is_issuer(issuer):
            yield f"The issuer {quoted(issuer)} cannot be an argument of an API server. Use a plain https:// URL."
    if goal.own_kid and goal.state != ABSENT and goal.published_kids and goal.own_kid not in goal.published_kids:
        yield (
            f"The key {quoted(goal.own_kid)} is not among the published ones ({listed(sorted(goal.published_kids))}). "
            "AWS would refuse all tokens. Publish it first."
        )


def _unreadable(view: View) -> t.Iterator[str]:
    if view.server.managed:
        yield from view.server.unknown
        if view.running is None and not view.server.unknown:
            yield "it is not known what runs there: no mirror pod of its API server was found."


def _not_ready(view: View) -> t.Iterator[str]:
    if view.server.ready is False:
        yield (
            f"its API server is not ready (/readyz). See its log, and {BACKUP_FOLDER} for its former files if a "
            "run was cut off there. Repair it, and run this again."
        )


def _not_as_written(view: View) -> t.Iterator[str]:
    if view.written and view.running and view.written.texts != view.running.texts:
        differences = sorted({*view.written.texts} ^ {*view.running.texts}) or ["their order"]
        yield (
            f"its manifest is not what runs: {listed(differences)}. The kubelet has not taken it over. See the "
            "kubelet's log, and run this again when both agree."
        )
    issuers = view.running.values(ISSUER) if view.running and not view.is_pending else ()
    if issuers and view.server.issuer is not None and issuers[0] != view.server.issuer:
        yield (
            f"its discovery document names the issuer {quoted(view.server.issuer)}, its arguments name "
            f"{quoted(issuers[0])} first. Its API server may be restarting: wait, and run this again."
        )


def _issuer_flags(view: View) -> t.Iterator[str]:
    for arguments in view.known[:1]:
        issuers = arguments.values(ISSUER)
        if not issuers:
            yield f"its API server has no --{ISSUER}. Set the issuer that it has today."
        yield from (
            f"--{ISSUER}={quoted(issuer)} is given twice, and with that no API server starts. Remove one."
            for issuer in sorted({each for each in issuers if issuers.count(each) > 1})
        )
        expanded = [text for text in arguments.texts if "service-account" in text and "$(" in text]
        if expanded:
            yield f"the kubelet replaces a part of {listed(expanded)}. Write the value out."


def _external_signer(view: View) -> t.Iterator[str]:
    for endpoint in {value for arguments in view.known for value in arguments.values(SIGNING_ENDPOINT)}:
        yield (
            f"an external signer signs its tokens (--{SIGNING_ENDPOINT}={quoted(endpoint)}). This role leaves it "
            "alone. Publish its keys with irsa_issuer_from_cluster, and set the issuer where the signer is set up."
        )


def _authenticators(view: View) -> t.Iterator[str]:
    """Yield issuers that are also ones of users, with which kube-apiserver does not start."""
    goal, config = view.goal, view.server.authentication_config
    flags = {value for arguments in view.known for value in arguments.values(OIDC_ISSUER_URL)}
    authenticators = _jwt_issuers(config) if config is not None else set()
    for issuer in dict.fromkeys(([] if goal.state == ABSENT else [goal.issuer]) + [*goal.accepted_issuers]):
        if issuer in flags:
            yield f"{quoted(issuer)} is also its --{OIDC_ISSUER_URL}. No server starts with both: remove that."
        if issuer in authenticators:
            yield (
                f"{quoted(issuer)} is also an authenticator in its --{AUTHENTICATION_CONFIG}, and with both no API "
                "server starts. Remove that authenticator."
            )


def _jwt_issuers(text: str) -> set[str]:
    """Return the issuers in an AuthenticationConfiguration; nothing for a file that is not understood.

    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
    """
    try:
        authenticators = yaml_text.items(yaml_text.member(yaml_text.Document(text).root, "jwt"))
        return {yaml_text.scalar(yaml_text.at(each, "issuer", "url")) or "" for each in authenticators}
    except Fault:
        return {word.strip("\"',") for word in text.split()}


def _adopted_key(view: View) -> t.Iterator[str]:
    kid = view.server.signing_kid
    if (
        view.goal.state == ABSENT
        or view.goal.own_kid
        or kid is None
        or not view.goal.published_kids
        or kid in view.goal.published_kids
    ):
        return
    yield (
        f"its API server signs with the key {quoted(kid)}, which is not among the published ones "
        f"({listed(sorted(view.goal.published_kids))}). AWS would refuse its tokens. Publish it first, with "
        "irsa_issuer_from_cluster or irsa_issuer_extra_jwks."
    )


def _own_key(view: View) -> t.Iterator[str]:
    if view.goal.own_kid and view.goal.state != ABSENT and any(not each.values(KEY_FILE) for each in view.known):
        yield (
            f"its API server has no --{KEY_FILE}, so it verifies with the key of --tls-private-key-file. Name that "
            f"file in --{KEY_FILE} before a key is added."
        )


def _aws_audience(view: View) -> t.Iterator[str]:
    if AWS_AUDIENCE in (_any(view).separated(API_AUDIENCES) or ()):
        yield (
            f"{AWS_AUDIENCE} is among its --{API_AUDIENCES}. Then each token for AWS is also valid for the Kubernetes "
            "API, and pods' tokens for that are valid for AWS. Remove it: AWS does not need it."
        )


def _lifetime(view: View) -> t.Iterator[str]:
    value = _any(view).value(MAX_TOKEN_EXPIRATION)
    seconds = _seconds(value or "")
    if seconds and seconds < _AWS_SECONDS:
        yield (
            f"--{MAX_TOKEN_EXPIRATION}={quoted(value)} shortens tokens for AWS, which are requested for {_AWS_SECONDS} "
            "seconds. They are renewed in time."
        )


def _outsider(view: View) -> t.Iterator[str]:
    if not view.server.managed:
        yield from view.server.unknown


_PROBLEMS: tuple[_Rule, ...] = (
    _unreadable,
    _external_signer,
    _not_ready,
    _not_as_written,
    _issuer_flags,
    _authenticators,
    _adopted_key,
    _own_key,
)
_WARNINGS: tuple[_Rule, ...] = (_outsider, _aws_audience, _lifetime)


def _any(view: View) -> Arguments:
    return next(iter(view.known), Arguments.of(()))


def _seconds(duration: str) -> int | None:
    """Return a duration of Go in seconds, None for none."""
    found = _DURATION.fullmatch(duration)
    if not found or not duration:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (hours * 60 + minutes) * 60 + seconds


def _key_differences(views: t.Sequence[View], goal: Goal) -> t.Iterator[str]:
    """Yield keys that one server signs with and another one does not verify, except the issuer's own where it is still
    to be accepted, and what a server signs with that is cut off.
    """
    signing = [view for view in views if view.name not in goal.cut_off]
    for kid in sorted({view.server.signing_kid for view in signing if view.server.signing_kid}):
        signers = [view.name for view in signing if view.server.signing_kid == kid]
        is_ours = goal.state != ABSENT and kid == goal.own_kid
        others = [
            view.name
            for view in views
            if view.server.kids is not None and kid not in view.server.kids and not (is_ours and view.is_lacking)
        ]
        if others:
            yield (
                f"{', '.join(signers)}: tokens are signed with the key {quoted(kid)}, which {', '.join(others)} does "
                "not have in its JWKS. The API servers have different keys, and refuse each other's tokens. Give all "
                "of them the same."
            )


def _refusals(views: t.Sequence[View], goal: Goal) -> t.Iterator[str]:
    """Yield refusals of tokens, except of the issuer's where a server does not accept them yet, and of a server that is
    cut off.
    """
    is_lacking = any(view.is_lacking for view in views)
    for view in views:
        is_excused = view.name in goal.cut_off or (view.server.issuer == view.target.issuer and is_lacking)
        if not is_excused:
            yield from (f"{view.name}: {refusal}" for refusal in view.server.refusals)


def _flag_differences(views: t.Sequence[View]) -> t.Iterator[str]:
    """Yield flags that differ between servers."""
    known = [(view, compared(view)) for view in views if view.known]
    for view, flags in known[1:]:
        first, expected = known[0]
        for name, value in flags.items():
            if value != expected[name] and None not in (value, expected[name]):
                yield (
                    f"{first.name} and {view.name} differ in --{name}: {listed(expected[name])} and {listed(value)}. "
                    "Make them the same, or set irsa_apiserver_force to leave that as it is."
                )


def _legacy_tokens(goal: Goal, cluster: Cluster) -> t.Iterator[str]:
    if cluster.legacy_tokens and (goal.own_kid or goal.state == ABSENT):
        yield (
            f"{cluster.legacy_tokens} Secrets of type kubernetes.io/service-account-token hold tokens that never "
            "expire. They stay signed with the key of their time: before a key is removed, have them made again by "
            "clearing data.token."
        )
