# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does an issuer work, and if not, why: the way that STS goes, step by step.

The documents are fetched as a stranger would, with no credential; who has credentials is told more.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import document_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._web import https
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import signing_key as pem_keys
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import Issuer, parse
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.fetch import Served, check_served

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity_checks import Identity

# How long STS may take to reach an issuer that it does not reach at first.
_STS_SECONDS = 10.0

_LONGEST_PATIENCE = 3600


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What is to be verified: the issuer URL, how it is reached, the kids that have to be published, and who is to be
    let in by it; ``keys`` (JWKs) have to be published, too. ``bucket_account_id`` is the owner of the issuer's bucket
    where that is not the account of the credentials.
    """

    issuer: str
    route: https.Route = https.Route()
    kids: t.Sequence[str] = ()
    identity: t.Optional[Identity] = None
    keys: document_checks.Keys = ()
    bucket_account_id: t.Optional[str] = None


def expected_keys(key_sets: t.Sequence[t.Any], public_keys: t.Sequence[str]) -> document_checks.Keys:
    """Keys that have to be published, from JWKS (as objects) and PEM. Raises IrsaError for what is none."""
    found: list[jwk.Jwk] = []
    for number, key_set in enumerate(key_sets, 1):
        try:
            found += jwk.keys_of(key_set)
        except Fault as fault:
            raise IrsaError(f"expected_jwks: document {number} cannot be used: {fault}.") from None
    if not all(isinstance(key.get("kid"), str) for key in found):
        raise IrsaError("expected_jwks has a key without a kid, by which it could be looked for.")
    for number, text in enumerate(public_keys, 1):
        try:
            found.append(jwk.from_public_key(pem_keys.load_public(text.encode("utf-8", "replace"))))
        except Fault as fault:
            raise IrsaError(f"expected_public_keys: key {number} cannot be used: {fault}.") from None
    return found


def verify(expectation: Expectation, aws: t.Optional[Aws] = None) -> Report:
    """Check all that is expected. Reads only; raises IrsaError for an unusable route alone.

    With ``aws``, and credentials in it, more can be said. It is not used before something asks for it.
    """
    return verify_patiently(expectation, 0, aws)


def verify_patiently(expectation: Expectation, seconds: float, aws: t.Optional[Aws] = None) -> Report:
    """The same, the documents for so many seconds again while something is wrong with them: S3 needs a moment to serve
    a new bucket and policy. Raises IrsaError for seconds that are none, too.
    """
    if not 0 <= seconds <= _LONGEST_PATIENCE:
        raise IrsaError(f"patience is {seconds}; wanted are seconds, {_LONGEST_PATIENCE} at most.")
    report = Report()
    issuer = _check_url(report, expectation.issuer)
    if issuer is None:
        return report
    deadline = time.monotonic() + seconds
    pause = 0.5
    while True:
        last = time.monotonic() + pause > deadline
        attempt = Report()
        # What may pass by itself is not worth a call.
        served = _check_documents(attempt, issuer, expectation, aws if last else None)
        if last or attempt.verdict != "broken":
            break
        time.sleep(pause)
        pause = min(2 * pause, 4)
    report.checks += attempt.checks
    if expectation.identity is not None:
        _check_identity(report, expectation, served, aws)
    return report


def _check_url(report: Report, url: str) -> t.Optional[Issuer]:
    """The issuer, None where it is none. One that ends with a slash can be verified, though not made here."""
    try:
        issuer = parse(url)
    except IrsaError as fault:
        try:
            issuer = parse(url[:-1]) if url.endswith("/") else None
        except IrsaError:
            issuer = None
        if issuer is None:
            report.error("issuer-url", str(fault))
            return None
        report.warning("issuer-url", f"The issuer {url} ends with a slash.")
        # The slash is part of the name and not of the documents' addresses: OpenID Connect Discovery 1.0, section 4.1.
        return issuer._replace(url=url)
    report.ok("issuer-url", f"{url} can be an issuer.")
    return issuer


def _check_documents(report: Report, issuer: Issuer, expectation: Expectation, aws: t.Optional[Aws]) -> Served:
    def look_into_bucket(into: Report, url: str) -> t.Optional[str]:
        if aws is None:
            return "Why, it takes credentials to see."
        # boto3 is behind this, and who verifies without credentials may not have it.
        from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import bucket_checks

        return bucket_checks.look_into_bucket(into, aws, url, expectation.bucket_account_id)

    served = check_served(report, issuer, expectation.route, look_into_bucket)
    if served.keys is not None:
        document_checks.check_expected(report, served.keys, expectation.kids, expectation.keys)
    elif expectation.kids or expectation.keys:
        report.skipped("kid-expected", "It takes the key set.")
    return served


def _check_identity(report: Report, expectation: Expectation, served: Served, aws: t.Optional[Aws]) -> None:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import identity_checks

    identity_checks.check_identity(
        report,
        expectation.issuer,
        expectation.identity,
        aws,
        served.keys,
        served.chain,
        expectation.route.ca_path is not None,
        _STS_SECONDS,
    )
    if report.failed("bucket-exists") and report.found_right("provider-exists"):
        report.amend("bucket-exists", "The provider is there: whoever makes a bucket of that name can forge tokens.")
