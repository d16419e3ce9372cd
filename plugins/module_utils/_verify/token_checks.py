# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service account token, compared with what STS requires and with the published keys.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
"""

from __future__ import annotations

import datetime
import math
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import cause_of_other
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import key_faults
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.remedies import values_of_subject
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_audience import check_audience
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_parsing import (
    NotAToken,
    Token,
    parse_token,
)

IDS = ("token-format", "token-issuer", "token-audience", "token-lifetime", "token-kid", "token-signature")

# By how many seconds the clocks of an issuer and of STS may differ.
CLOCK_SKEW = 300

# The iss of tokens in Kubernetes' old Secrets, which STS cannot use:


def check_token(
    context: Context,
    text: str,
    *,
    client_ids: t.Sequence[str] | None = None,
    now: t.Callable[[], float] = time.time,
) -> Token | None:
    """Check a token and report under ``IDS``. Returns it, None if it cannot be parsed.

    ``client_ids`` are those of the provider, None if they are unknown.
    """
    report = context.report
    try:
        token = parse_token(text)
    except NotAToken as error:
        remedy = error.remedy or CATALOGUE["token-format"].remedy
        report.error("token-format", str(error), remedy=remedy, explain=False)
        report.skip(IDS[1:], "The token cannot be read.")
        return None
    except IrsaError as error:
        report.error("token-format", str(error))
        report.skip(IDS[1:], "The token cannot be read.")
        return None
    report.values.update(values_of_subject(token.subject))
    algorithm = token.header["alg"]
    report.ok("token-format", f"The token is a JWT, signed with {algorithm}, for {quoted(token.subject)}.")
    _check_issuer(report, token, context.issuer)
    check_audience(context, token, client_ids)
    _check_lifetime(report, token, now())
    named = _check_kid(report, token, context.published)
    if not named:
        report.skipped("token-signature", "The published key that the token names is unknown.")
    else:
        _check_signature(report, token, named)
    return token


def _check_issuer(report: Report, token: Token, issuer: str) -> None:
    actual = token.claims.get("iss")
    if actual == issuer:
        report.ok("token-issuer", f"The token's iss is {issuer}.")
    elif token.is_legacy:
        report.error(
            "token-issuer",
            f"The token's iss is {quoted(actual)}: it is a legacy token from a Kubernetes Secret.",
            "Such a token names neither the cluster's issuer nor an audience, and never expires.",
            remedy=CATALOGUE["token-format"].remedy,
        )
    elif "iss" not in token.claims:
        report.error("token-issuer", "The token has no iss, the claim that names its issuer.")
    else:
        seen = f"The token's iss is {quoted(actual)}, not {quoted(issuer)}."
        how = cause_of_other(issuer, actual) if isinstance(actual, str) else None
        remedy = f"Set --service-account-issuer={issuer} on every API server, and get a new token."
        report.error("token-issuer", seen, how, remedy=remedy)


class _Times(t.NamedTuple):
    """A token's timestamps, in seconds since 1970."""

    issued: float
    expires: float
    not_before: float | None

    def first_after(self, moment: float) -> tuple[str, float] | None:
        """Return the claim that makes the token valid only after a moment, with its value; None if there is none."""
        starts = (("nbf", self.not_before), ("iat", self.issued))
        return next(((name, value) for name, value in starts if value is not None and value > moment), None)


def _times(claims: t.Mapping[str, t.Any]) -> _Times | str:
    """Return the times in a token's claims, or a sentence that says which are missing or invalid."""
    issued, expires, not_before = (_seconds(claims.get(name)) for name in ("iat", "exp", "nbf"))
    if issued is not None and expires is not None and (not_before is not None or "nbf" not in claims):
        return _Times(issued, expires, not_before)
    missing = [name for name in ("iat", "exp") if name not in claims]
    invalid = [name for name in ("iat", "exp", "nbf") if name in claims and _seconds(claims[name]) is None]
    sentences = []
    if missing:
        sentences.append(f"The token has no {' and no '.join(missing)}.")
    if invalid:
        predicate = "is not a valid timestamp" if len(invalid) == 1 else "are not valid timestamps"
        sentences.append(f"The token's {' and '.join(invalid)} {predicate}.")
    return " ".join(sentences)


def _seconds(value: t.Any) -> float | None:
    """Return a NumericDate of RFC 7519 in seconds, None if it is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None


def _check_lifetime(report: Report, token: Token, now: float) -> None:
    times = _times(token.claims)
    if isinstance(times, str):
        cause = "STS requires iat and exp, which each token of kube-apiserver has."
        because = "token-issuer" if token.is_legacy else None
        report.error("token-lifetime", times, cause, remedy=CATALOGUE["token-format"].remedy, because=because)
        return
    early = times.first_after(now + CLOCK_SKEW)
    expired = f"The token expired {_date(times.expires)}; it is now {_date(now)}."
    if now > times.expires + CLOCK_SKEW:
        report.error("token-lifetime", expired)
    elif early is not None:
        name, start = early
        report.error(
            "token-lifetime",
            f"The token is not valid yet: its {name} is {_date(start)}, and it is now {_date(now)}.",
            "The clock of the API server or of this machine is wrong.",
            remedy="Synchronize both clocks with NTP.",
        )
    elif times.expires <= times.issued:
        report.error("token-lifetime", f"The token's exp ({_date(times.expires)}) is not after its iat.")
    elif now > times.expires:
        cause = f"STS still accepts it, since it tolerates clocks that differ by {CLOCK_SKEW // 60} minutes."
        report.warning("token-lifetime", expired, cause)
    else:
        report.ok("token-lifetime", f"The token is valid until {_date(times.expires)}.")


def _date(seconds: float) -> str:
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.0f} seconds after 1970" if abs(seconds) < 1e15 else "outside the calendar"
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _check_kid(report: Report, token: Token, published: t.Sequence[jwk.Jwk] | None) -> t.Sequence[jwk.Jwk]:
    """Find the published keys that the token names."""
    if published is None:
        report.skipped("token-kid", "The published keys are unknown.")
        return ()
    kid = token.header.get("kid")
    named = [key for key in published if isinstance(kid, str) and key.get("kid") == kid]
    if named and kid:
        report.ok("token-kid", f"The token names the key {quoted(kid)}, which is published.")
        return named
    by_kid = "STS finds a token's key by its kid."
    if not kid and any(key.get("kid") == "" for key in published):
        report.error(
            "token-kid",
            "The token names no key. One of the published keys has an empty kid.",
            "API servers before Kubernetes 1.16 sign without a kid.",
            remedy=f"Update the API server. {by_kid}",
        )
    elif not isinstance(kid, str) or not kid:
        what = "it has no kid" if "kid" not in token.header else f"its kid is {quoted(kid)}"
        report.error("token-kid", f"The token names no key: {what}.", by_kid)
    else:
        kids = listed(key["kid"] for key in published if isinstance(key.get("kid"), str))
        seen = f"The token is signed with the key {quoted(kid)}, but the published keys are {kids}."
        signing = [key for key in published if not _refusal(token, {**key, "kid": kid})]
        _report_missing_kid(report, seen, kid, signing=signing)
    return ()


def _report_missing_kid(report: Report, seen: str, kid: str, *, signing: t.Sequence[jwk.Jwk]) -> None:
    """Report that a token's kid is not published; ``signing`` are published keys that verify the token all the same."""
    nameless = [key for key in signing if not isinstance(key.get("kid"), str)]
    if nameless:
        report.worsen("jwk-kid", "The token is signed with a published key that has no kid by which STS could find it.")
        report.error("token-kid", seen, because="jwk-kid")
    else:
        also = f" The key that it is signed with is published as {listed(key['kid'] for key in signing)}."
        because = report.explaining(("kid-expected", "cluster-keys"), kid)
        report.error("token-kid", f"{seen}{also if signing else ''}", because=because)


def _check_signature(report: Report, token: Token, named: t.Sequence[jwk.Jwk]) -> None:
    """Check the signature with the published keys that the token names, of which STS uses the last."""
    *hidden, key = named
    kid, refusal, because = quoted(key.get("kid")), _refusal(token, key), None
    if refusal is not None and not all(_refusal(token, other) for other in hidden):
        because = "jwk-kid"
        others = f"{len(named)} published keys have the kid {kid}, and STS uses only the last of them"
        report.worsen(because, f"{others}. The token is signed with another one.")
    elif key_faults.blame(report, key, "which the token names") is not None:
        report.skipped("token-signature", "The published key that the token names has a fault.")
        return
    if refusal is not None:
        report.error("token-signature", refusal, because=because)
    else:
        report.ok("token-signature", f"The published key {kid} verifies the token's signature.")


def _refusal(token: Token, key: jwk.Jwk) -> str | None:
    """Return why a published key does not verify a token; None if it does."""
    algorithm, kid = token.header["alg"], quoted(key.get("kid"))
    faults = key_faults.faults_of(key)
    if faults:
        return f"The published key {kid} cannot verify the token: {faults[0].text}."
    intended = jwk.algorithm_of(key)
    any_rsa = "alg" not in key and algorithm in jwk.algorithms_for(key)
    if intended != algorithm and not any_rsa:
        return f"The token is signed with {algorithm}, but the published key {kid} is for {quoted(intended)}."
    if not _verifies(token, jwk.public_key_of(key)):
        return f"The published key {kid} does not verify the token's signature."
    return None


def _verifies(token: Token, public_key: t.Any) -> bool:
    # Imported here, so that verifying an issuer without a token does not wait for it.
    from jwcrypto.common import JWException  # noqa: PLC0415
    from jwcrypto.jwk import JWK  # noqa: PLC0415
    from jwcrypto.jws import JWS  # noqa: PLC0415

    try:
        signed = JWS()
        signed.allowed_algs = [token.header["alg"]]
        signed.deserialize(token.text)
        signed.verify(JWK.from_pyca(public_key))
    except (JWException, ValueError, TypeError):
        return False
    return True
