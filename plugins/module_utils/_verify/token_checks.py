# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service account token against what STS asks of it, and against the keys that are really published.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html

A token is a credential. What its claims say is told; its text is repeated nowhere, not even in part.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import math
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import strict
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import difference
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted

IDS = ("token-format", "token-issuer", "token-audience", "token-lifetime", "token-kid", "token-signature")

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")

# The length that AssumeRoleWithWebIdentity takes of a token.
_LEAST_CHARACTERS, _MOST_CHARACTERS = 4, 20_000

# How far the clocks of an issuer and of STS may be apart.
CLOCK_SKEW = 300

# What the tokens of Kubernetes' old Secrets have as iss; STS has no use for them:
# https://kubernetes.io/docs/concepts/security/service-accounts/#get-a-token
_LEGACY_ISSUER = "kubernetes/serviceaccount"


@dataclasses.dataclass(frozen=True, repr=False)
class Token:
    """A token that could be read: its text, its header and its claims, of which nothing has been believed yet."""

    text: str
    header: dict[str, t.Any]
    claims: dict[str, t.Any]

    @property
    def audiences(self) -> list[str]:
        """``aud`` as a list; what is no text in it is left out."""
        audience = self.claims.get("aud")
        return [each for each in (audience if isinstance(audience, list) else [audience]) if isinstance(each, str)]

    @property
    def audience(self) -> t.Optional[str]:
        """The audience that counts for STS: ``azp`` where there is one, else the only one of ``aud``; None where that
        cannot be told.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
        """
        party = self.claims.get("azp")
        if isinstance(party, str):
            return party
        return self.audiences[0] if len(self.audiences) == 1 else None

    @property
    def subject(self) -> t.Optional[str]:
        """``sub``, None where it is no text."""
        subject = self.claims.get("sub")
        return subject if isinstance(subject, str) else None


def read(text: str) -> Token:
    """Take a token apart. Raises IrsaError with the reason where it is no signed JWT that STS would look at."""
    text = text.strip()
    if text[:7].lower() == "bearer ":
        raise IrsaError("The token begins with the word Bearer, which belongs to an HTTP header and not to a token.")
    if not _LEAST_CHARACTERS <= len(text) <= _MOST_CHARACTERS:
        raise IrsaError(
            f"The token has {len(text)} characters; STS takes {_LEAST_CHARACTERS} to {_MOST_CHARACTERS} of them."
        )
    parts = text.split(".")
    if len(parts) == 5:
        raise IrsaError("The token has five parts, as encrypted ones have; STS reads signed ones, which have three.")
    if len(parts) != 3:
        number = "one part" if len(parts) == 1 else f"{len(parts)} parts"
        raise IrsaError(f"The token is no JWT: it has {number}, and header, claims and signature are three.")
    header, claims = _object(parts[0], "header"), _object(parts[1], "claims")
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS or not isinstance(algorithm, str):
        raise IrsaError(f"The token's alg is {quoted(algorithm)}; STS verifies {', '.join(ALGORITHMS)} only.")
    _decoded(parts[2], "signature")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise IrsaError("The token has no sub, the claim that says whose it is.")
    return Token(text, header, claims)


def _decoded(part: str, name: str) -> bytes:
    refusal = IrsaError(f"The token is no JWT: its {name} is not base64url.")
    try:
        content = strict.decode_base64url(part)
    except ValueError:
        raise refusal from None
    # Of the last character some bits may stand for nothing. Python drops them; strict readers, as Go's, do not.
    if base64.urlsafe_b64encode(content).decode().rstrip("=") != part:
        raise refusal
    return content


def _object(part: str, name: str) -> dict[str, t.Any]:
    content = _decoded(part, name)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise IrsaError(f"The token is no JWT: its {name} {'is' if name == 'header' else 'are'} no JSON object.")
    return value


def peek(text: t.Optional[str]) -> t.Optional[Token]:
    """The token, None where there is none or where it cannot be read; ``check_token`` says why."""
    try:
        return read(text) if text is not None else None
    except IrsaError:
        return None


def check_token(
    report: Report,
    text: str,
    issuer: str,
    published: t.Optional[t.Sequence[jwk.Jwk]],
    client_ids: t.Optional[t.Sequence[str]] = None,
    audiences: t.Sequence[str] = (),
    now: t.Callable[[], float] = time.time,
) -> t.Optional[Token]:
    """Check a token and report it under ``IDS``; returns it, or None where it could not be read.

    ``published`` are the keys that were fetched, None where there are none to be had; ``client_ids`` the provider's,
    None where they are not known; ``audiences`` what the caller expects.
    """
    try:
        token = read(text)
    except IrsaError as fault:
        report.error("token-format", str(fault))
        for check in IDS[1:]:
            report.skipped(check, "It takes a token that can be read.")
        return None
    report.ok("token-format", f"The token is a JWT, signed with {token.header['alg']}, of {quoted(token.subject)}.")
    _check_issuer(report, token, issuer)
    _check_audience(report, token, client_ids, audiences)
    _check_lifetime(report, token, now())
    key = _check_kid(report, token, published)
    if key is None:
        report.skipped("token-signature", "It takes the published key that the token names.")
    else:
        _check_signature(report, token, key)
    return token


def _check_issuer(report: Report, token: Token, issuer: str) -> None:
    found = token.claims.get("iss")
    if found == issuer:
        report.ok("token-issuer", f"The token's iss is {issuer}.")
    elif found == _LEGACY_ISSUER:
        report.error(
            "token-issuer",
            f"The token's iss is {quoted(found)}: it is of the old kind that Kubernetes keeps in a Secret.",
            "Such tokens name neither the cluster's issuer nor an audience, and never expire.",
            "Take a projected token: kubectl create token NAME --audience sts.amazonaws.com, or the one that the pod "
            "has in AWS_WEB_IDENTITY_TOKEN_FILE.",
        )
    elif not isinstance(found, str):
        report.error("token-issuer", "The token has no iss, the claim that names its issuer.")
    else:
        report.error("token-issuer", f"The token's iss is {quoted(found)}, not {issuer!r}.", difference(issuer, found))


def _check_audience(
    report: Report, token: Token, client_ids: t.Optional[t.Sequence[str]], audiences: t.Sequence[str]
) -> None:
    claimed = token.claims.get("aud")
    if not token.audiences or (isinstance(claimed, list) and len(token.audiences) != len(claimed)):
        report.error("token-audience", f"The token's aud is {quoted(claimed)}, which is no audience or list of them.")
    elif token.audience is None:
        report.error(
            "token-audience",
            f"The token has {len(token.audiences)} audiences ({listed(token.audiences)}) and no azp to say which of "
            "them counts.",
            "STS takes a token for one audience.",
            "Project a token for one audience alone.",
        )
    elif client_ids is not None and token.audience not in client_ids:
        report.error(
            "token-audience",
            f"The token's audience is {quoted(token.audience)}, and the provider's client IDs are "
            f"{listed(client_ids)}.",
        )
    elif audiences and token.audience not in audiences:
        report.error(
            "token-audience", f"The token's audience is {quoted(token.audience)}, and {listed(audiences)} is expected."
        )
    else:
        among = "one of the provider's client IDs" if client_ids is not None else "the only one"
        report.ok("token-audience", f"The token's audience is {quoted(token.audience)}, {among}.")


def _check_lifetime(report: Report, token: Token, now: float) -> None:
    times = {name: _time(token.claims.get(name)) for name in ("iat", "exp", "nbf")}
    unusable = [name for name in ("iat", "exp") if times[name] is None]
    if "nbf" in token.claims and times["nbf"] is None:
        unusable.append("nbf")
    if unusable:
        verb = "has" if all(name not in token.claims for name in unusable) else "has a time that is none in"
        what = f"no {' and no '.join(unusable)}" if verb == "has" else " and ".join(unusable)
        report.error(
            "token-lifetime",
            f"The token {verb} {what}.",
            "STS asks for iat and exp; the old kind of token that Kubernetes keeps in a Secret has neither.",
        )
        return
    early = [name for name in ("nbf", "iat") if times[name] is not None and times[name] > now + CLOCK_SKEW]
    if now > times["exp"] + CLOCK_SKEW:
        report.error("token-lifetime", f"The token expired {_date(times['exp'])}; it is {_date(now)}.")
    elif early:
        report.error(
            "token-lifetime",
            f"The token's {early[0]} is {_date(times[early[0]])}, and it is {_date(now)}: it is not valid yet.",
            "The clock of the API server, or of this machine, is wrong.",
            "Set both clocks by NTP.",
        )
    elif times["exp"] <= times["iat"]:
        report.error("token-lifetime", f"The token expires {_date(times['exp'])}, and was made only then or later.")
    elif now > times["exp"]:
        report.warning(
            "token-lifetime",
            f"The token expired {_date(times['exp'])}; it is {_date(now)}.",
            f"STS still takes it, since it allows for clocks that differ by {CLOCK_SKEW // 60} minutes.",
        )
    else:
        report.ok("token-lifetime", f"The token is valid until {_date(times['exp'])}.")


def _time(value: t.Any) -> t.Optional[float]:
    """A NumericDate of RFC 7519 in seconds, None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None


def _date(seconds: float) -> str:
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.0f} seconds after 1970" if abs(seconds) < 1e15 else "beyond all calendars"
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _check_kid(report: Report, token: Token, published: t.Optional[t.Sequence[jwk.Jwk]]) -> t.Optional[jwk.Jwk]:
    """The published key that the token names."""
    if published is None:
        report.skipped("token-kid", "It takes the published keys.")
        return None
    kid = token.header.get("kid")
    named = [key for key in published if isinstance(kid, str) and key.get("kid") == kid]
    if named and kid:
        report.ok("token-kid", f"The token names the key {quoted(kid)}, which is published.")
        return named[-1]  # of two keys with one kid, STS takes the last
    if not kid and any(key.get("kid") == "" for key in published):
        report.error(
            "token-kid",
            "The token names no key, and there is one with an empty kid among those published.",
            "API servers before Kubernetes 1.16 sign without a kid.",
            "Update the API server; STS finds a token's key by its kid.",
        )
        return None
    if not isinstance(kid, str) or not kid:
        report.error("token-kid", "The token names no key: it has no kid.", "STS finds a token's key by its kid.")
        return None
    report.error(
        "token-kid",
        f"The token is signed with the key {quoted(kid)}; published are {listed(key.get('kid') for key in published)}.",
    )
    return None


def _check_signature(report: Report, token: Token, key: jwk.Jwk) -> None:
    algorithm, kid = token.header["alg"], quoted(key.get("kid"))
    meant = jwk.algorithm_of(key)
    if meant != algorithm and not (meant in ALGORITHMS and "alg" not in key and meant[:2] == algorithm[:2] == "RS"):
        report.error(
            "token-signature",
            f"The token is signed with {algorithm}, and the published key {kid} is for {quoted(meant)}.",
        )
        return
    try:
        public_key = jwk.public_key_of(key)
    except Fault as fault:
        report.error("token-signature", f"The published key {kid} cannot verify the token: {fault}.")
        return
    if _verifies(token, public_key):
        report.ok("token-signature", f"The published key {kid} verifies the token's signature.")
    else:
        report.error("token-signature", f"The published key {kid} does not verify the token's signature.")


def _verifies(token: Token, public_key: t.Any) -> bool:
    # Whoever verifies an issuer without a token does not wait for these.
    from jwcrypto.common import JWException
    from jwcrypto.jwk import JWK
    from jwcrypto.jws import JWS

    try:
        parsed = JWS()
        parsed.allowed_algs = [token.header["alg"]]
        parsed.deserialize(token.text)
        parsed.verify(JWK.from_pyca(public_key))
    except (JWException, ValueError, TypeError):
        return False
    return True
