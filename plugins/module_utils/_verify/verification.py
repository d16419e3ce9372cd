# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verify an issuer: whether it works, and if not, why. The steps are those of STS, in their order.

The documents are fetched anonymously. With AWS credentials, more can be said about faults, and about provider and role.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.waiting import announce
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, key_sets, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import (
    Issuer,
    IssuerRefused,
    parse,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.public_issuer import require_public
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import key_set_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.fetch import IDS, Served, check_served
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity_checks import check_identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.judged_keys import Keys, Needs
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.remedies import values_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route

_MAX_PATIENCE = 3600
_FIRST_PAUSE, _MAX_PAUSE = 0.5, 4.0

_DIRECT = Route()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Expectation:
    """What to verify: the issuer URL, the route to its host, and the cluster, provider, token and role to check.

    ``kids`` and ``keys`` (JWKs) must be published. Without ``fetches``, the documents are not fetched, from a network
    that does not reach the issuer. ``bucket_account_id`` is the owner of the issuer's bucket, if it is
    not the account of the credentials; AWS is not asked about buckets of others. ``may_be_internal``: an issuer that
    AWS cannot reach by the form of its name is no fault.
    """

    issuer: str
    route: Route = _DIRECT
    kids: t.Sequence[str] = ()
    keys: Keys = ()
    identity: Identity | None = None
    bucket_account_id: str | None = None
    fetches: bool = True
    may_be_internal: bool = False


def expected_keys(jwks: t.Any, public_keys: t.Sequence[str]) -> Keys:
    """Return the keys that must be published, from JWKS and PEM. Raises IrsaError for what is neither."""
    found = [key for _source, keys in key_sets.of_option(called("expected_jwks"), jwks) for key in keys]
    if not all(isinstance(key.get("kid"), str) for key in found):
        raise IrsaError(f"{called('expected_jwks')} has a key without a kid. Every expected key must have one.")
    for number, text in enumerate(public_keys, 1):
        try:
            found += map(jwk.from_public_key, signing_key.load_public_keys(text.encode("utf-8", "replace")))
        except Fault as fault:
            raise IrsaError(f"{called('expected_public_keys')}: key {number} cannot be used: {fault}.") from None
    return found


def verify(expectation: Expectation, aws: Aws | None = None) -> Report:
    """Check everything that is expected. Only reads. Raises IrsaError only for an unusable route.

    ``aws`` is None without boto3, and may have no credentials. It is not used before a check needs it.
    """
    return verify_patiently(expectation, 0, aws)


def verify_patiently(expectation: Expectation, seconds: float, aws: Aws | None = None) -> Report:
    """Like ``verify``, but check the documents again for some seconds while they do not work: S3 needs a moment to
    serve a new bucket and policy. Raises IrsaError also for an invalid number of seconds.
    """
    if not 0 <= seconds <= _MAX_PATIENCE:
        raise IrsaError(f"{called('patience')} is {seconds}; expected a number of seconds from 0 to {_MAX_PATIENCE}.")
    identity = expectation.identity or Identity()
    values = values_of(expectation.issuer, audiences=identity.audiences, role_arn=identity.role_arn)
    report = Report(values)
    issuer = _check_url(report, expectation, aws)
    if issuer is None:
        return report
    attempt, served = _check_documents_patiently(issuer, expectation, seconds=seconds, aws=aws)
    report.checks += attempt.checks
    if expectation.identity is not None:
        _check_identity(report, expectation, expectation.identity, served=served, aws=aws)
    return report


def _check_url(report: Report, expectation: Expectation, aws: Aws | None) -> Issuer | None:
    """Check the issuer URL. One that ends with a slash can be verified, though not created here. None if invalid."""
    url = expectation.issuer
    try:
        bare = _parse_without_slash(url)
        issuer = bare or parse(url)
        if not expectation.may_be_internal:
            require_public(issuer, aws, "iam")
    except IssuerRefused as refused:
        report.error("issuer-url", refused.seen, refused.cause, remedy=refused.remedy)
        return None
    report.ok("issuer-url", f"{url} is a valid issuer URL.")
    # A slash at the end is part of the name, as of Auth0's issuers, but not of the documents' URLs: OpenID Connect
    # Discovery 1.0, section 4.1. The checks that compare issuers find out whether it belongs there.
    return issuer if bare is None else bare._replace(url=url)


def _parse_without_slash(url: str) -> Issuer | None:
    try:
        return parse(url[:-1]) if url.endswith("/") else None
    except IrsaError:
        return None


def _check_documents_patiently(
    issuer: Issuer, expectation: Expectation, *, seconds: float, aws: Aws | None
) -> tuple[Report, Served]:
    """Return the last attempt, or the first that time cannot change. Only the last one uses credentials: a fault that
    may pass by itself is not worth a call.
    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        last = time.monotonic() + pause > deadline
        attempt = Report(values_of(expectation.issuer))
        served = _check_documents(attempt, issuer, expectation, aws=aws if last else None)
        if last or not _may_pass(attempt, served):
            return attempt, served
        announce("documents", _wait_for_documents(attempt, issuer.url, seconds))
        time.sleep(pause)
        pause = min(2 * pause, _MAX_PAUSE)


def _wait_for_documents(attempt: Report, url: str, seconds: float) -> str:
    seen = attempt.first_error.seen if attempt.first_error else ""
    return f"Waiting up to {seconds:g} s until the documents of {url} can be read. {seen}"


def _may_pass(attempt: Report, served: Served) -> bool:
    """Whether an issuer that does not work may do so soon: a document cannot be fetched yet, or is an older one."""
    errors = [check.id for check in attempt.checks if check.status == ERROR and check.id != "kid-expected"]
    return attempt.verdict == "broken" and (served.may_pass if len(errors) == 1 else not errors)


def _check_documents(report: Report, issuer: Issuer, expectation: Expectation, *, aws: Aws | None) -> Served:
    def explain_forbidden(into: Report, url: str) -> str | None:
        if aws is None:
            return "boto3 and AWS credentials are needed to find out why."
        # Needed only for a bucket that refuses access.
        from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import bucket_checks  # noqa: PLC0415

        return bucket_checks.explain_forbidden(into, aws, url, account_id=expectation.bucket_account_id)

    if expectation.fetches:
        needs = _needs(expectation)
        served = check_served(report, issuer, expectation.route, explain_forbidden=explain_forbidden, needs=needs)
    else:
        report.skip(IDS, "The documents were not to be fetched.")
        served = Served(None, ())
    if served.keys is not None:
        key_set_checks.check_expected(report, served.keys, kids=expectation.kids, expected=expectation.keys)
    elif expectation.kids or expectation.keys:
        report.skipped("kid-expected", "No published key could be read.")
    return served


def _needs(expectation: Expectation) -> Needs:
    identity = expectation.identity
    has_token = identity is not None and (identity.token is not None or identity.mint is not None)
    return Needs(frozenset([*expectation.kids, *(key["kid"] for key in expectation.keys)]), has_token)


def _check_identity(
    report: Report, expectation: Expectation, identity: Identity, *, served: Served, aws: Aws | None
) -> None:
    context = Context(
        report=report,
        issuer=expectation.issuer,
        identity=identity,
        aws=aws,
        published=served.keys,
        chain=served.chain,
        private_ca=expectation.route.ca_path is not None,
    )
    check_identity(context)
    if report.failed("bucket-exists") and report.passed("provider-exists"):
        consequence = "The provider still exists, so anyone who creates a bucket with that name can forge tokens."
        report.amend("bucket-exists", consequence)
