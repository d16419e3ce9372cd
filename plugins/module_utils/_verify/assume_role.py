# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask STS whether it accepts the token. If it refuses, name the earlier check that explains the answer."""

from __future__ import annotations

import re
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.waiting import announce
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.refusals import (
    SERVERS,
    TRANSIENT,
    blamed_for,
    errors_of,
    exemption,
    is_probably_by_organization,
    matching_refusal,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report

ID = "sts-assume"

OPERATION = "AssumeRoleWithWebIdentity"

SESSION_NAME = "selfhosted.irsa-verify"
_SECONDS = 900  # the shortest session that STS offers; its credentials are discarded at once

_PAUSE = 1.0
# How long STS gets to reach an issuer that it does not reach at first.
_PATIENCE_SECONDS = 10.0

# What STS decides by its answer about a token.
_OF_TOKEN = ("provider-", "token-", "role-", "trust-")
# What AWS STS decides besides: whether it reaches the host, and whether it minds the documents and their keys. What is
# gone or dangerous now is no matter of an answer that may be based on documents that it read earlier.
_OF_AWS = ("dns-", "tcp-", "tls-", "content-type", "http-caching", "discovery-", "jwks-", "jwk-", "algorithms")
_NOW = ("discovery-json", "jwks-json", "jwk-public-only")


def check_assume_role(
    report: Report,
    aws: Aws,
    *,
    role_arn: str,
    token: str,
    seconds: float = _PATIENCE_SECONDS,
    issuer: str = "",
    clock: t.Callable[[], float] = time.monotonic,
) -> None:
    """Ask STS, without credentials, and report its answer under ``ID``.

    ``aws`` has a client ``sts`` that signs nothing. After a transient error STS is asked again, for ``seconds``.
    A report never contradicts STS: what it has decided in favor of the token is no error, and what it names leads.
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
            if failure.code.startswith(TRANSIENT) and clock() + _PAUSE < deadline:
                announce("sts", f"STS answered {quoted(failure.code)}. It is asked again for up to {seconds:g} s.")
                time.sleep(_PAUSE)
                continue
            _report_refusal(report, failure, token, issuer=issuer, is_aws=endpoint_of(aws.client("sts")).is_aws)
        except IrsaError as failure:
            _report_unreachable(report, failure, token)
        else:
            _report_acceptance(report, is_aws=endpoint_of(aws.client("sts")).is_aws)
        return


def _report_acceptance(report: Report, *, is_aws: bool) -> None:
    decided = (*_OF_TOKEN, *(_OF_AWS if is_aws else ()))
    softened = [check.id for check in errors_of(report) if check.id.startswith(decided) and check.id not in _NOW]
    report.soften(softened, "STS took the token all the same.")
    remaining = sorted(errors_of(report), key=lambda check: check.id.startswith(SERVERS))
    if remaining:
        reason = "it may have read the documents earlier, or be more lenient than AWS"
        if remaining[0].id.startswith(SERVERS):
            reason = "it may come from another API server or from before a change"
        report.ok(ID, f"STS accepts this token in spite of {remaining[0].id}: {reason}.")
    elif softened:
        report.ok(ID, f"STS accepts the token in spite of {', '.join(dict.fromkeys(softened))}.")
    else:
        report.ok(ID, "STS accepts the token and returns credentials for the role, which were discarded.")


def _report_unreachable(report: Report, failure: IrsaError, token: str) -> None:
    """Report that STS did not answer: an error, since the user asked for this check, unless an earlier one explains
    more.
    """
    seen = f"STS gave no answer that can be judged: {_without(token, str(failure))}"
    if not errors_of(report):
        report.error(ID, seen, explain=False)
    else:
        report.skipped(ID, seen)


def _report_refusal(report: Report, failure: CallFailed, token: str, *, issuer: str, is_aws: bool) -> None:
    if not failure.code:
        _report_unreachable(report, failure, token)
        return
    message = _without(token, str(failure.details.get("error", {}).get("message", "")))
    answer = f"STS answers {failure.code}: {message.rstrip('.')}."
    refusal = matching_refusal(failure.code, message)
    blamed = blamed_for(report, refusal, is_aws=is_aws)
    if blamed is not None:
        report.error(ID, answer, because=blamed.id)
        report.put_first(blamed.id)
        return
    if is_aws and refusal is not None and is_probably_by_organization(report, refusal):
        cause, remedy = exemption(refusal, issuer=issuer, token=token)
        report.error(ID, answer, cause, remedy=remedy)
    else:
        meaning, remedy = (None, ID) if refusal is None else (refusal.meaning, refusal.remedy)
        report.error(ID, answer, meaning, remedy=CATALOGUE[remedy].remedy)
    report.put_first(ID)


def _without(token: str, text: str) -> str:
    """Remove the token from a text: services repeat a parameter that they refuse."""
    for part in (token, token.strip(), *token.strip().split(".")):
        if len(part) >= 8:
            text = text.replace(part, "…")
    return re.sub(r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]*", "…", text)
