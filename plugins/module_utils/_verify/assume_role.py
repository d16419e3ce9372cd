# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real question: does STS accept the token? And where it does not, which of the checks before says why?"""

from __future__ import annotations

import re
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.trust_evaluation import UNJUDGED

ID = "sts-assume"

OPERATION = "AssumeRoleWithWebIdentity"

SESSION_NAME = "selfhosted.irsa-verify"
_SECONDS = 900  # the shortest session there is; its credentials are thrown away at once

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors
_TRANSIENT = "IDPCommunicationError"
_PAUSE = 1.0

_NETWORK = ("dns-resolve", "tcp-connect", "tls-", "http-", "bucket-", "object-")
_DOCUMENTS = ("discovery-", "jwks-")


class Refusal(t.NamedTuple):
    """What an answer of STS means: how it is recognised, what it says, and the checks that can be behind it."""

    code: str
    text: str
    meaning: str
    checks: tuple[str, ...]


REFUSALS = (
    Refusal(
        "InvalidIdentityToken",
        "retrieve verification key",
        "STS could not read the issuer's documents (unreachable, slow or malformed), or they do not hold the key that "
        "the token names.",
        (*_NETWORK, *_DOCUMENTS, "jwk-", "algorithms", "kid-expected", "cluster-keys", "token-kid"),
    ),
    Refusal(
        "InvalidIdentityToken",
        "No OpenIDConnect provider found",
        "The account of the role has no provider for exactly the token's issuer.",
        ("provider-exists", "token-issuer", "cluster-issuer"),
    ),
    Refusal(
        "InvalidIdentityToken",
        "Incorrect token audience",
        "The token's audience is not among the provider's client IDs.",
        ("provider-audience", "token-audience"),
    ),
    Refusal(
        "InvalidIdentityToken",
        "thumbprint",
        "The host's certificate is of a CA that AWS does not know, and none of the provider's thumbprints is of its "
        "chain.",
        ("provider-thumbprints", "tls-"),
    ),
    Refusal(
        "InvalidIdentityToken",
        "expired",
        "The token has expired.",
        ("token-lifetime",),
    ),
    Refusal(
        "InvalidIdentityToken",
        "",
        "STS does not take the token or the key it names for valid.",
        ("jwk-", "algorithms", "token-format", "token-signature", "token-lifetime"),
    ),
    Refusal("ExpiredToken", "", "The token has expired.", ("token-lifetime",)),
    Refusal(
        _TRANSIENT,
        "",
        "STS could not reach the issuer. This passes, unless it is reached from here alone.",
        _NETWORK,
    ),
    Refusal(
        "AccessDenied",
        "",
        "The role does not exist, its trust policy does not let the token in, or that was changed a moment ago.",
        ("role-exists", "trust-"),
    ),
)


def check_assume_role(
    report: Report,
    aws: Aws,
    role_arn: str,
    token: str,
    seconds: float = 10.0,
    clock: t.Callable[[], float] = time.monotonic,
) -> None:
    """Ask STS, without credentials, and report what it says under ``ID``.

    ``aws`` has a client ``sts`` that signs nothing. Transient answers are asked again for so many seconds.
    """
    deadline = clock() + seconds
    while True:
        try:
            # Not kept, and not looked at: they are credentials.
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
            _report_silence(report, failure, token)
        else:
            _report_acceptance(report)
        return


def _report_acceptance(report: Report) -> None:
    fault = report.first_error
    if fault is None:
        report.ok(ID, "STS accepts the token and gives credentials for the role; they were thrown away.")
    else:
        report.ok(
            ID,
            f"STS accepts the token, in spite of {fault.id}: it may still have read the documents earlier, or be more "
            "lenient than AWS.",
        )


def _report_silence(report: Report, failure: IrsaError, token: str) -> None:
    """It was asked to be asked, so it is a fault of its own, unless there is one that explains more."""
    seen = f"STS could not be asked: {_without(token, str(failure))}"
    if report.first_error is None:
        report.error(ID, seen, "", "")
    else:
        report.skipped(ID, seen)


def _report_refusal(report: Report, failure: CallFailed, token: str) -> None:
    if not failure.code:
        _report_silence(report, failure, token)
        return
    message = _without(token, str(failure.details.get("error", {}).get("message", "")))
    answer = f"STS answers {failure.code}: {message.rstrip('.')}."
    refusal = _meaning(failure.code, message)
    blamed = _blamed(report, refusal)
    if blamed is not None:
        first = report.first_error or blamed
        more = "" if first.id == blamed.id else f" What is wrong first on the way is {first.id}: {first.seen}"
        seen = f"{answer} That is because of {blamed.id}: {blamed.seen}{more}"
        report.error(ID, seen, blamed.cause, blamed.remedy)
    elif refusal is None:
        report.error(ID, answer)
    else:
        report.error(ID, answer, refusal.meaning)


def _meaning(code: str, message: str) -> t.Optional[Refusal]:
    return next(
        (refusal for refusal in REFUSALS if code.startswith(refusal.code) and refusal.text.lower() in message.lower()),
        None,
    )


def _blamed(report: Report, refusal: t.Optional[Refusal]) -> t.Any:
    """The check that most likely says why: an error that goes with the answer, else any error, else a warning that goes
    with it.
    """
    groups = refusal.checks if refusal else ()
    errors = [check for check in report.checks if check.status == "error"]
    # A role that lets in too many has a warning, too, and that is no reason to refuse anybody.
    warnings = [
        check
        for check in report.checks
        if check.status == "warning" and (UNJUDGED in check.seen or not check.id.startswith("trust-"))
    ]

    def fitting(checks: t.Sequence[t.Any]) -> t.Any:
        return next((check for check in checks if check.id.startswith(groups)), None) if groups else None

    return fitting(errors) or (errors[0] if errors else None) or fitting(warnings)


def _without(token: str, text: str) -> str:
    """A text without the token in it; services repeat a parameter that they refuse."""
    for part in (token, token.strip(), *token.strip().split(".")):
        if len(part) >= 8:
            text = text.replace(part, "…")
    return re.sub(r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]*", "…", text)
