# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two documents as a stranger gets them: the way to the host, what it answers, and what that means."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import document_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._web import certificates, https
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.cache_headers import seconds_cached
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import Issuer
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# A key set of 100 RSA keys of 4096 bits has 80 kB.
_MOST_BYTES = 1 << 20

WAY_IDS = ("dns-resolve", "tcp-connect", "tls-version", "tls-trust", "tls-expiry", "tls-host")
ANSWER_IDS = ("http-response", "http-redirect", "content-type", "http-caching")

# Kubernetes assumes that a key set is cached for so long:
# https://github.com/kubernetes/kubernetes/blob/master/pkg/serviceaccount/openidmetadata.go (cacheControl)
_LONGEST_CACHED = 3600

_JSON_TYPES = ("application/json", "text/json", "application/jwk-set+json")

_S3_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")

# Looks, with credentials, for the reason of a bucket's 403 for this address. Returns None where it has reported it,
# else what is to be said instead.
LookIntoBucket = t.Callable[[Report, str], t.Optional[str]]


class Served(t.NamedTuple):
    """What was fetched: the keys, None where there are none to be had, and the chain of certificates of the last host
    (DER, the leaf first).
    """

    keys: t.Optional[document_checks.Keys]
    chain: t.Sequence[bytes]


def check_served(report: Report, issuer: Issuer, route: https.Route, look_into_bucket: LookIntoBucket) -> Served:
    """Fetch both documents and report all that can be said of them. Raises IrsaError for a route that cannot be used."""
    noted: set[str] = set()

    def note(check: str, seen: str) -> None:
        if check not in noted:
            noted.add(check)
            report.ok(check, seen)

    with https.Client(route, issuer.host, note) as client:
        visit = _Visit(report, client, look_into_bucket)
        discovery = visit.document(issuer.discovery_url, "discovery-json")
        jwks_url = None
        if discovery is not None:
            jwks_url = document_checks.check_discovery(report, discovery, issuer.discovery_url, issuer.url, issuer.host)
        document = visit.document(jwks_url, "jwks-json") if jwks_url else None
        keys = None
        if discovery is not None and document is not None and jwks_url is not None:
            algorithms = discovery.get("id_token_signing_alg_values_supported")
            keys = document_checks.check_keys(report, document, jwks_url, algorithms)
        _skip_the_rest(report, discovery is not None)
        return Served(keys, client.chain)


def _skip_the_rest(report: Report, discovered: bool) -> None:
    """Say of every check that was not made that, and why, it was not."""
    made = {check.id for check in report.checks}
    groups = (
        (WAY_IDS, "It takes a connection of one's own to the host."),
        (ANSWER_IDS, "It takes an answer of the host."),
        (document_checks.DISCOVERY_IDS, "It takes the discovery document."),
        (document_checks.KEY_IDS, "It takes the key set." if discovered else "It takes the discovery document."),
    )
    for ids, why in groups:
        for check in ids:
            if check not in made:
                report.skipped(check, why)


class _Visit:
    """Fetches the documents one after the other."""

    def __init__(self, report: Report, client: https.Client, look_into_bucket: LookIntoBucket) -> None:
        self._report = report
        self._client = client
        self._look_into_bucket = look_into_bucket

    def document(self, url: str, json_check: str) -> t.Optional[dict[str, t.Any]]:
        """A document as an object, None where there is none, which is reported."""
        report = self._report
        try:
            answer, urls = self._client.fetch(url, _MOST_BYTES + 1)
        except https.AddressRefused as failure:
            report.error("jwks-uri", f"jwks_uri is {quoted(url)}. {failure}")
            return None
        except https.FetchFailed as failure:
            self._report_failure(url, failure)
            return None
        if len(urls) > 1:
            report.warning("http-redirect", f"{url} redirects to {quoted(urls[-1])}.")
        else:
            report.ok("http-redirect", f"{url} answers without a redirect.")
        if answer.status != 200:
            self._report_status(urls[-1], answer)
            return None
        fault = _fault_of_body(answer)
        if fault:
            report.error("http-response", f"{url} {fault}")
            return None
        report.ok("http-response", f"{url} answers 200.")
        self._check_headers(url, answer.headers)
        return document_checks.parse_json(report, json_check, url, answer.body)

    def _report_failure(self, url: str, failure: https.FetchFailed) -> None:
        cause = None
        if failure.stage in ("tls-trust", "tls-expiry", "tls-host"):
            parts = urlsplit(url)
            chain = self._client.refused_chain(parts.hostname or "", parts.port or https.PORT)
            cause = certificates.cause_of(failure.stage, chain)
        self._report.error(failure.stage, str(failure), cause)

    def _check_headers(self, url: str, headers: t.Mapping[str, str]) -> None:
        kind, dummy, rest = headers.get("content-type", "").lower().partition(";")
        charset = rest.partition("charset=")[2].strip(' "')
        if kind.strip() not in _JSON_TYPES and not kind.strip().endswith("+json"):
            self._report.warning(
                "content-type", f"{url} is served as {quoted(kind) if kind else 'nothing in particular'}."
            )
        elif charset not in ("", "utf-8"):
            self._report.warning("content-type", f"{url} is served in the charset {quoted(charset)}; JSON is UTF-8.")
        else:
            self._report.ok("content-type", f"{url} is served as JSON.")
        seconds = seconds_cached(headers)
        if seconds > _LONGEST_CACHED:
            self._report.warning("http-caching", f"{url} may be cached for {seconds} seconds.")
        else:
            self._report.ok("http-caching", f"{url} may not be cached for long.")

    # --- what an answer of S3 means: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

    def _report_status(self, url: str, answer: https.Answer) -> None:
        report, status = self._report, answer.status
        match = _S3_CODE.search(answer.body[:4096])
        code = match.group(1).decode() if match else ""
        seen = f"{url} answers {status}{' ' + code if code else ''}"
        region = answer.headers.get("x-amz-bucket-region")
        if code == "NoSuchBucket":
            report.error("bucket-exists", f"{seen}: there is no such bucket.")
        elif code == "PermanentRedirect" or (status == 301 and region):
            report.error("bucket-region", f"{seen}: the bucket is in {quoted(region) if region else 'another region'}.")
        elif status == 400 and b"KMS" in answer.body[:4096]:
            report.error("object-encryption", f"{seen}: the document is encrypted with KMS.")
        elif code == "NoSuchKey":
            report.error("object-exists", f"{seen}: there is no such object in the bucket.")
        elif status == 403:
            unknown = self._look_into_bucket(report, url)
            if unknown is not None:
                report.error("http-response", f"{seen}: strangers may not read it. {unknown}".rstrip())
        else:
            report.error("http-response", f"{seen}.")


def _fault_of_body(answer: https.Answer) -> t.Optional[str]:
    encoding = answer.headers.get("content-encoding", "").lower()
    if encoding not in ("", "identity"):
        return f"is sent as {quoted(encoding)}, though nobody asked for that; who reads it would see garbage."
    if len(answer.body) > _MOST_BYTES:
        return f"sends more than {_MOST_BYTES} bytes, so it is none of the two documents."
    return None
