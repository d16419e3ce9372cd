# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both documents as an anonymous client gets them: the connection to the host, its answers, and what they mean."""

from __future__ import annotations

import re
import types
import typing as t
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.documents import MAX_BYTES
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import Issuer
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import (
    bucket_regions,
    discovery_checks,
    key_set_checks,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.judged_keys import Keys, Needs
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._web import certificates, https
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.cache_headers import seconds_cached
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import AddressRefused, FetchFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import PORT, Route
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.second_look import look_twice

# An error of S3 is shorter.
_MAX_ERROR_BYTES = 4096

CONNECTION_IDS = ("dns-resolve", "tcp-connect", "tls-version", "tls-trust", "tls-expiry", "tls-host")
ANSWER_IDS = ("http-response", "http-redirect", "content-type", "http-caching")
IDS = (*CONNECTION_IDS, *ANSWER_IDS, *discovery_checks.IDS, *key_set_checks.IDS)

# Kubernetes assumes that a JWKS is cached for this long:
# https://github.com/kubernetes/kubernetes/blob/master/pkg/serviceaccount/openidmetadata.go (cacheControl)
_MAX_CACHE_SECONDS = 3600

# Request Timeout, Too Many Requests
_PASSING_STATUSES = (408, 429)

# What S3 answers until a new bucket, its region and its policy are known everywhere:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
_STATUSES_OF_NEW_BUCKETS = (301, 302, 307, 403, 404)

# https://www.iana.org/assignments/http-parameters/http-parameters.xhtml#content-coding
_ENCODINGS = ("gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd", "dcb", "dcz")

_JSON_TYPES = ("application/json", "text/json", "application/jwk-set+json")

_S3_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")
_S3_MESSAGE = re.compile(rb"<Message>([^<]{1,1000})</Message>")

# Looks, with credentials, for the reason of a bucket's 403 for a URL. Returns None if it has reported the reason,
# else sentences that say why the reason is unknown.
ExplainForbidden: t.TypeAlias = "t.Callable[[Report, str], str | None]"


class Served(t.NamedTuple):
    """What was fetched: the keys, None if none could be fetched, and the certificate chain of the host that was
    asked last (DER, the leaf first). ``may_pass`` is whether a document that could not be fetched may be there soon,
    as in a bucket that was created a moment ago.
    """

    keys: Keys | None
    chain: t.Sequence[bytes]
    may_pass: bool = False


def check_served(
    report: Report,
    issuer: Issuer,
    route: Route,
    *,
    explain_forbidden: ExplainForbidden,
    needs: Needs = key_set_checks.ANY,
) -> Served:
    """Fetch both documents and check them. Raises IrsaError for a route that cannot be used."""
    noted: set[str] = set()

    def note(check_id: str, seen: str) -> None:
        if check_id not in noted:
            noted.add(check_id)
            report.ok(check_id, seen)

    with https.Client(route, issuer.host, note) as client:
        fetcher = _Fetcher(report, client, explain_forbidden)
        discovery = fetcher.fetch(issuer.discovery_url, "discovery-json")
        jwks_url = None if discovery is None else discovery_checks.check_discovery(report, discovery, issuer)
        document = None if jwks_url is None else fetcher.fetch(jwks_url, "jwks-json")
        keys = None
        if discovery is not None and jwks_url is not None and document is not None:
            algorithms = discovery.get("id_token_signing_alg_values_supported")
            keys = key_set_checks.check_keys(report, document, jwks_url, algorithms=algorithms, needs=needs)
        _skip_the_rest(report)
        return Served(keys, client.chain, fetcher.may_pass)


def _skip_the_rest(report: Report) -> None:
    """Report every check of the documents that was not made as skipped."""
    made = {check.id for check in report.checks}
    groups = (
        (CONNECTION_IDS, "There was no direct connection to the host."),
        (ANSWER_IDS, "The host did not answer."),
        (discovery_checks.IDS, "The discovery document could not be read."),
        (key_set_checks.IDS, "No published key could be read."),
    )
    for ids, reason in groups:
        report.skip([check_id for check_id in ids if check_id not in made], reason)


class _Fetcher:
    """Fetches the documents one after the other. ``may_pass`` is that of Served."""

    def __init__(self, report: Report, client: https.Client, explain_forbidden: ExplainForbidden) -> None:
        self._report = report
        self._client = client
        self._explain_forbidden = explain_forbidden
        self.may_pass = False

    def fetch(self, url: str, json_check_id: str) -> dict[str, t.Any] | None:
        """Return a document as an object; None if it cannot be fetched, which is reported."""
        report = self._report
        try:
            answer, urls = look_twice(lambda: self._client.fetch(url, MAX_BYTES + 1), may_pass=_may_pass)
        except AddressRefused as failure:
            report.error("jwks-uri", f"jwks_uri is {quoted(url)}. {failure}")
            return None
        except FetchFailed as failure:
            self._report_failure(url, failure)
            return None
        self._report_redirect(urls)
        if answer.status != 200:
            self._report_status(urls[-1], answer)
            return None
        if len(answer.body) > MAX_BYTES:
            report.error("http-response", f"{url} sends more than 1 MiB, so it cannot be either document.")
            return None
        if not self._can_be_decoded(url, answer):
            return None
        self._check_content_type(url, answer.headers)
        self._check_caching(url, answer.headers)
        return discovery_checks.parse_object(report, json_check_id, url, body=answer.body)

    def _report_redirect(self, urls: t.Sequence[str]) -> None:
        first, *others = urls
        region = bucket_regions.of_redirect(urls)
        if region is not None:
            seen = f"{first} redirects to {quoted(urls[-1])}: the bucket is in {region}."
            self._report.error("bucket-region", seen, bucket_regions.why(first))
            self._report.skipped("http-redirect", "S3 redirects because of the bucket's region.")
        elif others:
            self._report.warning("http-redirect", f"{first} redirects to {quoted(urls[-1])}.")
        else:
            self._report.ok("http-redirect", f"{first} answers without a redirect.")

    def _report_failure(self, url: str, failure: FetchFailed) -> None:
        cause, remedy = None, None
        self.may_pass = failure.may_pass
        if failure.check in ("tls-trust", "tls-expiry", "tls-host"):
            parts = urlsplit(url)
            chain = self._client.refused_chain(parts.hostname or "", parts.port or PORT)
            cause = certificates.cause_of(failure.check, chain)
        elif failure.is_slow:
            cause, remedy = _meanings().SLOW
        elif failure.check == "http-response":
            cause, remedy = _meanings().BROKEN_OFF
        self._report.error(failure.check, str(failure), cause, remedy=remedy)

    def _can_be_decoded(self, url: str, answer: https.Answer) -> bool:
        """Check the Content-Encoding of a body, and report that the answer is sound if it is."""
        encoding = answer.headers.get("content-encoding", "").lower()
        if encoding in ("", "identity"):
            self._report.ok("http-response", f"{url} answers 200.")
            return True
        cause, remedy = _meanings().ENCODED
        seen = f"{url} has the header Content-Encoding: {quoted(encoding)}"
        if not _is_json(answer.body):
            self._report.error("http-response", f"{seen}, though none was requested.", cause, remedy=remedy)
            return False
        if any(name.strip() in _ENCODINGS for name in encoding.split(",")):
            seen = f"{seen}, but is not encoded, so clients cannot read it."
            self._report.error("http-response", seen, cause, remedy=remedy)
            return False
        # Such as utf-8 or aws-chunked, by mistake. Most clients read the body as it is.
        self._report.warning("http-response", f"{seen}, which is no encoding that clients know.", cause, remedy=remedy)
        return True

    def _check_content_type(self, url: str, headers: t.Mapping[str, str]) -> None:
        kind, dummy, rest = headers.get("content-type", "").lower().partition(";")
        charset = rest.partition("charset=")[2].strip(' "')
        if kind.strip() not in _JSON_TYPES and not kind.strip().endswith("+json"):
            seen = f"{url} is served as {quoted(kind)}." if kind else f"{url} is served without a content type."
            self._report.warning("content-type", seen)
        elif charset not in ("", "utf-8"):
            self._report.warning("content-type", f"{url} is served in the charset {quoted(charset)}; JSON is UTF-8.")
        else:
            self._report.ok("content-type", f"{url} is served as JSON.")

    def _check_caching(self, url: str, headers: t.Mapping[str, str]) -> None:
        seconds = seconds_cached(headers)
        if seconds > _MAX_CACHE_SECONDS:
            self._report.warning("http-caching", f"{url} may be cached for {seconds} seconds.")
        else:
            self._report.ok("http-caching", f"{url} is not cached for more than an hour.")

    # --- what an answer of S3 means: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

    def _report_status(self, url: str, answer: https.Answer) -> None:
        report, status, body = self._report, answer.status, answer.body[:_MAX_ERROR_BYTES]
        match = _S3_CODE.search(body)
        code = match.group(1).decode() if match else ""
        seen = f"{url} answers {status}{' ' + code if code else ''}"
        region = bucket_regions.in_answer(answer)
        self.may_pass = status >= 500 or status in _PASSING_STATUSES or status in _STATUSES_OF_NEW_BUCKETS
        if code == "NoSuchBucket":
            report.error("bucket-exists", f"{seen}: the bucket does not exist.")
        elif code == "PermanentRedirect" or (region and (status == 301 or bucket_regions.is_elsewhere(url, region))):
            where = quoted(region) if region else "another region"
            report.error("bucket-region", f"{seen}: the bucket is in {where}.", bucket_regions.why(url))
        elif status == 400 and b"KMS" in body:
            report.error("object-encryption", f"{seen}: the document is encrypted with KMS.")
        elif code == "NoSuchKey":
            report.error("object-exists", f"{seen}: the bucket has no such object.")
        elif status == 403:
            unknown = self._explain_forbidden(report, url)
            if unknown is not None:
                denied = _denial_in(body) or "anonymous reads are denied"
                self._report_http(f"{seen}: {denied}. {unknown}".rstrip(), status, body)
        else:
            self._report_http(f"{seen}.", status, body)

    def _report_http(self, seen: str, status: int, body: bytes) -> None:
        cause, remedy = _meanings().of_answer(status, body)
        self._report.error("http-response", seen, cause, remedy=remedy)


def _denial_in(body: bytes) -> str:
    """Return what S3 says if a policy denies the read explicitly; else empty."""
    match = _S3_MESSAGE.search(body)
    message = match.group(1).decode("utf-8", "replace").rstrip(".") if match else ""
    return message if "explicit deny" in message.lower() else ""


def _meanings() -> types.ModuleType:
    """Return what answers mean that are no documents. Most hosts answer with documents."""
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import answer_meaning  # noqa: PLC0415

    return answer_meaning


def _may_pass(fetched: https.Fetched) -> bool:
    """Whether an answer may be a fault of the network, such as an overloaded host or the page of a proxy."""
    answer = fetched.answer
    is_page = answer.headers.get("content-type", "").lower().startswith("text/html")
    if answer.status != 200 or is_page:
        return is_page or answer.status >= 500 or answer.status in _PASSING_STATUSES
    return not _is_json(answer.body)


def _is_json(body: bytes) -> bool:
    try:
        parse_json(body.decode("utf-8"))
    except ValueError:
        return False
    return True
