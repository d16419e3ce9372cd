# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does an issuer work: fetched and compared as a stranger would, with no credential."""

from __future__ import annotations

import dataclasses
import json
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils import documents, https, jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils.issuer import parse

OK, WARNING, ERROR, SKIPPED = "ok", "warning", "error", "skipped"

_MOST_BYTES = 1 << 20

_REQUIRED = (
    "issuer",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
)

_STAGE_REMEDIES = {
    "dns-resolve": "Create the bucket or the DNS record, or give connect_to while the name does not exist yet.",
    "tcp-connect": "Check the network, the proxy (HTTPS_PROXY, NO_PROXY) and that the host listens on port 443.",
    "tls-trust": "Serve a certificate of a CA that AWS trusts, with its intermediates; for a private CA give ca_path "
    "and thumbprints.",
    "tls-host": "Serve a certificate for the issuer's host name; a bucket's must have no dot in its name.",
    "tls-expiry": "Renew the certificate.",
    "http-response": "Check what the host does with a plain GET; AWS waits 5 seconds.",
}


@dataclasses.dataclass(frozen=True)
class Check:
    """One check: its stable id, its status, what was seen, the likely cause, and the remedy."""

    id: str
    status: str
    seen: str
    cause: t.Optional[str] = None
    remedy: t.Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Expectation:
    """What is to be verified: the issuer URL, how it is reached, and the kids that have to be published."""

    issuer: str
    route: https.Route = https.Route()
    kids: t.Sequence[str] = ()


@dataclasses.dataclass
class Report:
    """The checks in the order they were made, and what they come to."""

    checks: list[Check] = dataclasses.field(default_factory=list)

    @property
    def verdict(self) -> str:
        """``broken`` with an error, ``degraded`` with a warning, else ``ok``."""
        statuses = {check.status for check in self.checks}
        return "broken" if ERROR in statuses else "degraded" if WARNING in statuses else "ok"

    @property
    def diagnosis(self) -> t.Optional[str]:
        """The first true cause in one paragraph; None when all is well."""
        fault = next((check for status in (ERROR, WARNING) for check in self.checks if check.status == status), None)
        return None if fault is None else " ".join(filter(None, (fault.seen, fault.cause, fault.remedy)))

    @property
    def text(self) -> str:
        """What a person reads: all that is right in one line, all that is not in full."""
        right = [check.id for check in self.checks if check.status == OK]
        lines = [f"{self.verdict}: {len(right)} of {len(self.checks)} checks are right ({', '.join(right)})"]
        for check in self.checks:
            if check.status in (WARNING, ERROR):
                lines += [f"{check.status}: {check.id}: {check.seen}"] + [
                    f"  {line}" for line in (check.cause, check.remedy) if line
                ]
        return "\n".join(lines)


def verify(expectation: Expectation) -> Report:
    """Fetch both documents and compare them with what is expected. Reads only; raises IrsaError for an unusable issuer
    or route alone.
    """
    report = Report()
    issuer = parse(expectation.issuer)
    discovery = _fetch(report, issuer.discovery_url, expectation.route, "discovery-json")
    jwks_url = _check_discovery(report, discovery, issuer.url, issuer.jwks_url) if discovery is not None else None
    published = _fetch(report, jwks_url, expectation.route, "jwks-json") if jwks_url else None
    if published is not None:
        _check_keys(report, published, discovery, expectation.kids)
    return report


def verify_patiently(expectation: Expectation, seconds: float) -> Report:
    """The same, repeated for so many seconds while the verdict is ``broken``: S3 needs a moment to serve a new bucket
    and policy.
    """
    deadline = time.monotonic() + seconds
    pause = 0.5
    while True:
        report = verify(expectation)
        if report.verdict != "broken" or time.monotonic() + pause > deadline:
            return report
        time.sleep(pause)
        pause = min(2 * pause, 4)


def _fetch(report: Report, url: str, route: https.Route, json_check: str) -> t.Optional[t.Any]:
    try:
        answer = https.get(url, route, _MOST_BYTES)
    except https.FetchFailed as failure:
        report.checks.append(Check(failure.stage, ERROR, str(failure), None, _STAGE_REMEDIES[failure.stage]))
        return None
    if answer.status != 200:
        cause = {
            403: "It is not published yet, the bucket's policy does not open it, or public access is blocked.",
            404: "There is nothing at this address, or no such bucket.",
            301: "The bucket is in another region than its host name says.",
        }.get(answer.status)
        report.checks.append(
            Check(
                "http-response",
                ERROR,
                f"{url} answers {answer.status}.",
                cause,
                "Run irsa_issuer again, or serve both documents there.",
            )
        )
        return None
    report.checks.append(Check("http-response", OK, f"{url} answers 200."))
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        report.checks.append(Check(json_check, ERROR, f"{url} is not JSON.", None, "Publish the document again."))
        return None
    report.checks.append(Check(json_check, OK, f"{url} is JSON."))
    return document


def _check_discovery(report: Report, document: t.Any, issuer: str, default_jwks_url: str) -> t.Optional[str]:
    """The address of the JWKS, None where there is none to follow."""
    fields = document if isinstance(document, dict) else {}
    missing = [name for name in _REQUIRED if not fields.get(name)]
    if missing:
        report.checks.append(
            Check(
                "discovery-fields",
                ERROR,
                f"The discovery document lacks {', '.join(missing)}.",
                None,
                "Publish it again.",
            )
        )
        return None
    report.checks.append(Check("discovery-fields", OK, "The discovery document has every field that AWS asks for."))
    if fields["issuer"] != issuer:
        report.checks.append(
            Check(
                "discovery-issuer",
                ERROR,
                f"The discovery document names the issuer {fields['issuer']!r}, not {issuer!r}.",
                "They are compared byte for byte: a slash at the end, a capital letter, the global or the regional "
                "host make them differ.",
                "Publish the document of this issuer, or give the API server the issuer that is published.",
            )
        )
    else:
        report.checks.append(Check("discovery-issuer", OK, f"The discovery document names the issuer {issuer}."))
    # Followed only where it leads to the issuer itself: nobody's document may send this request elsewhere.
    url = fields["jwks_uri"]
    host = default_jwks_url.split("/")[2]
    if not isinstance(url, str) or not url.startswith(f"https://{host}/"):
        report.checks.append(
            Check(
                "jwks-uri", WARNING, f"jwks_uri is {url!r}, which is not on the issuer's own host and was not followed."
            )
        )
        return None
    report.checks.append(Check("jwks-uri", OK, f"jwks_uri is {url}."))
    return url


def _check_keys(report: Report, published: t.Any, discovery: dict[str, t.Any], expected: t.Sequence[str]) -> None:
    try:
        keys = jwk.keys_of(published)
    except IrsaError as fault:
        report.checks.append(
            Check("jwks-json", ERROR, f"The published JWKS cannot be used: {fault}.", None, "Publish it again.")
        )
        return
    exposed = [str(key.get("kid")) for key in keys if jwk.has_private_members(key)]
    if exposed:
        report.checks.append(
            Check(
                "jwk-public-only",
                ERROR,
                f"The JWKS publishes PRIVATE members of the key {', '.join(exposed)}.",
                "Anybody can sign tokens with it.",
                "Replace that key everywhere at once, and publish with purge_keys.",
            )
        )
    else:
        report.checks.append(Check("jwk-public-only", OK, f"The JWKS holds {len(keys)} keys, public members only."))
    kids = [key.get("kid") for key in keys]
    missing = [kid for kid in expected if kid not in kids]
    if missing:
        report.checks.append(
            Check(
                "kid-expected",
                ERROR,
                f"The JWKS lacks the key {', '.join(missing)}; it has {', '.join(map(str, kids)) or 'none'}.",
                "Tokens signed with that key are refused: \"Couldn't retrieve verification key from your identity "
                'provider".',
                "Publish the key that the API server signs with.",
            )
        )
    elif expected:
        report.checks.append(Check("kid-expected", OK, f"The JWKS holds the key {', '.join(expected)}."))
    named = discovery["id_token_signing_alg_values_supported"]
    unnamed = [name for name in documents.algorithms_of(keys) if not isinstance(named, list) or name not in named]
    if unnamed:
        report.checks.append(
            Check(
                "algorithms",
                WARNING,
                f"The discovery document does not name the algorithm {', '.join(unnamed)} of a published key.",
                None,
                "Publish both documents again.",
            )
        )
    else:
        report.checks.append(
            Check("algorithms", OK, "The discovery document names the algorithms of all published keys.")
        )
