# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask STS whether it accepts the token. If it refuses, name the earlier check that explains the answer."""

from __future__ import annotations

import dataclasses
import re
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Check, Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.trust_evaluation import UNDECIDED

ID = "sts-assume"

OPERATION = "AssumeRoleWithWebIdentity"

SESSION_NAME = "selfhosted.irsa-verify"
_SECONDS = 900  # the shortest session that STS offers; its credentials are discarded at once

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors
_TRANSIENT = "IDPCommunicationError"
_PAUSE = 1.0
# How long STS gets to reach an issuer that it does not reach at first.
_PATIENCE_SECONDS = 10.0

_NETWORK = ("dns-resolve", "tcp-connect", "tls-", "http-", "bucket-", "object-")
_DOCUMENTS = ("discovery-", "jwks-")
_KEYS = ("apiservers-agree", "signer-external", "cluster-keys")
# What API servers do now says nothing certain about a token that one of them signed some time ago.
_SERVERS = ("apiserver", "signer-", "cluster-")
# Whether a pod gets a token has no effect on the token that STS was asked about.
_PODS = ("account-", "injection-", "pods-")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer of STS: its code, a part of its text, its meaning, and how the ids of checks that explain it start."""

    code: str
    text: str = ""
    meaning: str
    checks: tuple[str, ...]


REFUSALS = (
    Refusal(
        code="InvalidIdentityToken",
        text="retrieve verification key",
        meaning=(
            "STS could not read the issuer's documents (unreachable, slow or malformed), or they do not contain the "
            "key that the token names."
        ),
        checks=(*_NETWORK, *_DOCUMENTS, "jwk-", "algorithms", "kid-expected", *_KEYS, "token-kid"),
    ),
    Refusal(
        code="InvalidIdentityToken",
        text="No OpenIDConnect provider found",
        meaning="The account of the role has no provider for exactly the token's issuer.",
        checks=("provider-exists", "token-issuer", "apiserver-issuer", "apiservers-agree", "cluster-issuer"),
    ),
    Refusal(
        code="InvalidIdentityToken",
        text="Incorrect token audience",
        meaning="The token's audience is not among the provider's client IDs.",
        checks=("provider-audience", "token-audience"),
    ),
    Refusal(
        code="InvalidIdentityToken",
        text="thumbprint",
        meaning=(
            "AWS does not know the CA of the host's certificate, and none of the provider's thumbprints belongs to the "
            "certificate's chain."
        ),
        checks=("provider-thumbprints", "tls-"),
    ),
    Refusal(
        code="InvalidIdentityToken",
        text="expired",
        meaning="The token has expired.",
        checks=("token-lifetime",),
    ),
    Refusal(
        code="InvalidIdentityToken",
        meaning="STS considers the token, or the key it names, invalid.",
        checks=("jwk-", "algorithms", "token-format", "token-signature", "token-lifetime"),
    ),
    Refusal(
        code="ExpiredToken",
        meaning="The token has expired.",
        checks=("token-lifetime",),
    ),
    Refusal(
        code=_TRANSIENT,
        meaning="STS could not reach the issuer. This is temporary, unless the issuer can be reached only from here.",
        checks=_NETWORK,
    ),
    Refusal(
        code="AccessDenied",
        meaning=(
            "The role does not exist, its trust policy does not accept the token, or one of them was changed a moment "
            "ago."
        ),
        checks=("role-exists", "trust-"),
    ),
)


def check_assume_role(
    report: Report,
    aws: Aws,
    *,
    role_arn: str,
    token: str,
    seconds: float = _PATIENCE_SECONDS,
    clock: t.Callable[[], float] = time.monotonic,
) -> None:
    """Ask STS, without credentials, and report its answer under ``ID``.

    ``aws`` has a client ``sts`` that signs nothing. After a transient error STS is asked again, for ``seconds``.
    """
    deadline = clock() + seconds
    while True:
        try:
            # The answer holds credentials. It is neither kept nor looked at.
            aws.call(
                "sts",
                OPERATION,
                f"role {role_arn}",
                iam_actions=(),
                RoleArn=role_arn,
                RoleSessionName=SESSION_NAME,
                WebIdentityToken=token.strip(),
                DurationSeconds=_SECONDS,
            )
        except CallFailed as failure:
            if failure.code.startswith(_TRANSIENT) and clock() + _PAUSE < deadline:
                time.sleep(_PAUSE)
                continue
            _report_refusal(report, failure, token)
        except IrsaError as failure:
            _report_unreachable(report, failure, token)
        else:
            _report_acceptance(report)
        return


def _report_acceptance(report: Report) -> None:
    fault = next((check for check in _errors(report) if not check.id.startswith(_SERVERS)), None)
    fault = fault or next(iter(_errors(report)), None)
    if fault is None:
        report.ok(ID, "STS accepts the token and returns credentials for the role, which were discarded.")
    elif fault.id.startswith(_SERVERS):
        report.ok(
            ID,
            f"STS accepts this token in spite of {fault.id}: it may come from another API server or from before a "
            "change.",
        )
    else:
        report.ok(
            ID,
            f"STS accepts the token in spite of {fault.id}: it may have read the documents earlier, or be more lenient "
            "than AWS.",
        )


def _report_unreachable(report: Report, failure: IrsaError, token: str) -> None:
    """Report that STS did not answer: an error, since the user asked for this check, unless an earlier one explains
    more.
    """
    seen = f"STS gave no answer that can be judged: {_without(token, str(failure))}"
    if not _errors(report):
        report.error(ID, seen, explain=False)
    else:
        report.skipped(ID, seen)


def _report_refusal(report: Report, failure: CallFailed, token: str) -> None:
    if not failure.code:
        _report_unreachable(report, failure, token)
        return
    message = _without(token, str(failure.details.get("error", {}).get("message", "")))
    answer = f"STS answers {failure.code}: {message.rstrip('.')}."
    refusal = _matching_refusal(failure.code, message)
    blamed = _blamed(report, refusal)
    if blamed is not None:
        report.error(ID, answer, because=blamed.id)
    elif refusal is None:
        report.error(ID, answer)
    else:
        report.error(ID, answer, refusal.meaning)


def _matching_refusal(code: str, message: str) -> Refusal | None:
    return next(
        (refusal for refusal in REFUSALS if code.startswith(refusal.code) and refusal.text.lower() in message.lower()),
        None,
    )


def _blamed(report: Report, refusal: Refusal | None) -> Check | None:
    """Return the check that most likely explains the refusal: an error that matches the answer, else any error, else a
    warning that matches it.
    """
    errors = _errors(report)
    if report.passed("token-issuer") and report.passed("token-signature"):
        errors = [check for check in errors if not check.id.startswith(_SERVERS)]
    warnings = [check for check in report.checks if check.status == WARNING and _may_refuse(check)]
    return _matching(errors, refusal) or next(iter(errors), None) or _matching(warnings, refusal)


def _errors(report: Report) -> list[Check]:
    """Return the errors for which STS may refuse a token."""
    return [check for check in report.checks if check.status == ERROR and not check.id.startswith(_PODS)]


def _matching(checks: t.Sequence[Check], refusal: Refusal | None) -> Check | None:
    return next((check for check in checks if refusal and check.id.startswith(refusal.checks)), None)


def _may_refuse(warning: Check) -> bool:
    """Whether a warning may explain a refusal. A role that accepts too much is not a reason to refuse anyone."""
    return UNDECIDED in warning.seen or not warning.id.startswith(("trust-", *_PODS))


def _without(token: str, text: str) -> str:
    """Remove the token from a text: services repeat a parameter that they refuse."""
    for part in (token, token.strip(), *token.strip().split(".")):
        if len(part) >= 8:
            text = text.replace(part, "…")
    return re.sub(r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]*", "…", text)
