# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The served discovery document, compared with what AWS requires of it. It may hold anything, so nothing is assumed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
"""

from __future__ import annotations

import typing as t
from urllib.parse import SplitResult, urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import not_json, parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_address
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import is_plain, json_type, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import cause_of_other
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import Issuer
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.internal_hosts import internal_reason

IDS = ("discovery-json", "discovery-fields", "discovery-issuer", "jwks-uri")

_PAGE = "A login page, or a page of the web server or of a CDN, is served with status 200. STS cannot log in."

_LISTS = ("response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported")


def parse_object(report: Report, check_id: str, url: str, *, body: bytes) -> dict[str, t.Any] | None:
    """Return the JSON object that was served at a URL; None if it is not one, which is reported under ``check_id``."""
    try:
        # Decoded here, since json.loads also accepts UTF-16, which is not JSON:
        # https://www.rfc-editor.org/rfc/rfc8259#section-8.1
        document = parse_json(body.decode("utf-8"))
    except ValueError:
        seen = f"{url} {not_json(body)}."
        report.error(check_id, seen, _PAGE if "HTML" in seen else None)
        return None
    if not isinstance(document, dict):
        report.error(check_id, f"{url} is JSON, but {json_type(document)} and not an object.")
        return None
    return document


def check_discovery(report: Report, document: t.Mapping[str, t.Any], issuer: Issuer) -> str | None:
    """Check a discovery document. Returns the URL of the JWKS, None if it cannot be fetched."""
    report.ok("discovery-json", f"{issuer.discovery_url} is JSON.")
    _check_fields(report, document)
    _check_issuer(report, document.get("issuer"), issuer.url)
    return _check_jwks_uri(report, document.get("jwks_uri"), issuer)


def _check_fields(report: Report, document: t.Mapping[str, t.Any]) -> None:
    missing = [name for name in ("issuer", "jwks_uri", *_LISTS) if name not in document]
    wrong = [f"{name} is {fault}" for name in ("issuer", "jwks_uri") if (fault := _fault_of_text(document, name))]
    wrong += [f"{name} is {fault}" for name in _LISTS if (fault := _fault_of_list(document, name))]
    empty = [name for name in _LISTS if document.get(name) == []]
    swapped = "It is a JWKS. Both documents may have been mixed up." if "keys" in document and missing else None
    if missing or wrong:
        lacks = [f"The discovery document lacks {', '.join(missing)}."] if missing else []
        has = [f"In the discovery document, {'; '.join(wrong)}."] if wrong else []
        report.error("discovery-fields", " ".join([*lacks, *has]), swapped)
    elif empty:
        what = "is an empty list" if len(empty) == 1 else "are empty lists"
        report.warning(
            "discovery-fields",
            f"In the discovery document, {', '.join(empty)} {what}.",
            "It says that the issuer supports nothing. STS is not known to mind; other relying parties do.",
        )
    else:
        report.ok("discovery-fields", "The discovery document has every field that AWS requires.")


def _fault_of_text(document: t.Mapping[str, t.Any], name: str) -> str | None:
    """Return what a field is in place of text, as far as no other check says so; None if it is text, or missing."""
    value = document.get(name, name)
    return "null" if value is None else "empty" if value == "" else None


def _fault_of_list(document: t.Mapping[str, t.Any], name: str) -> str | None:
    """Return what a field is in place of a list of strings; None if it is one, or missing."""
    value = document.get(name, [])
    if not isinstance(value, list):
        return f"{json_type(value)}, not a list of strings"
    odd = next((each for each in value if not isinstance(each, str)), value)
    return None if odd is value else f"a list with {json_type(odd)} in it, not a list of strings"


def _check_issuer(report: Report, actual: t.Any, issuer: str) -> None:
    if actual == issuer:
        report.ok("discovery-issuer", f"The discovery document names the issuer {issuer}.")
    elif actual in (None, ""):
        report.skipped("discovery-issuer", "The discovery document names no issuer.")
    else:
        seen = f"The discovery document names the issuer {quoted(actual)}, not {quoted(issuer)}."
        report.error("discovery-issuer", seen, cause_of_other(issuer, actual) if isinstance(actual, str) else None)


def _check_jwks_uri(report: Report, uri: t.Any, issuer: Issuer) -> str | None:
    if uri in (None, ""):
        report.skipped("jwks-uri", "The discovery document has no jwks_uri.")
        return None
    try:
        parts = _parse_https(uri)
    except Fault as fault:
        report.error("jwks-uri", f"jwks_uri is {quoted(uri)}, {fault}.")
        return None
    host = parts.hostname or ""
    if host != issuer.host.lower() and internal_reason(host):
        _report_internal(report, uri, host)
        return None
    own_bucket, bucket = parse_s3_address(issuer.url), parse_s3_address(uri)
    is_own_bucket = own_bucket is not None and bucket is not None and own_bucket.is_same_bucket(bucket)
    is_own = is_own_bucket if own_bucket and bucket else host == issuer.host.lower()
    if not is_own:
        report.warning(
            "jwks-uri",
            f"jwks_uri is {quoted(uri)}, {'in another bucket' if bucket else 'on another host'} than the issuer.",
            "This may be intended. STS then depends on both, and the owner of the other one can sign tokens.",
            remedy="Unless it is intended, serve the keys next to the discovery document.",
        )
    elif parts.port not in (None, 443):
        report.warning(
            "jwks-uri",
            f"jwks_uri is {quoted(uri)}, on port {parts.port}.",
            "An issuer must not have a port. How STS treats a port in jwks_uri is not documented.",
            remedy="Serve the keys on port 443, next to the discovery document.",
        )
    else:
        report.ok(
            "jwks-uri",
            f"jwks_uri is {uri}, {'in' if is_own_bucket else 'on'} the issuer's own "
            f"{'bucket' if is_own_bucket else 'host'}.",
        )
    return str(uri)


def _report_internal(report: Report, uri: str, host: str) -> None:
    report.error(
        "jwks-uri",
        f"jwks_uri is {quoted(uri)}. Its host is internal, and AWS can never reach it: {internal_reason(host)}.",
        "The document may be that of an API server, which by default names its own address; or an attacker wants this "
        "machine or AWS to call that address.",
        remedy=(
            "Publish the discovery document that irsa_jwks generates. An API server's own document names the public "
            "URL of the keys if --service-account-jwks-uri is set to it."
        ),
    )


def _parse_https(uri: t.Any) -> SplitResult:
    """Return the parts of a URL that can be fetched. Raises Fault with the reason why it cannot, as a clause."""
    if not isinstance(uri, str):
        raise Fault("which is not a string")
    try:
        parts = urlsplit(uri)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise Fault("which is not a valid URL") from None
    if parts.scheme == "http":
        raise Fault("but AWS fetches it only over https")
    if parts.scheme != "https" or not host or port == 0:
        raise Fault("which is not an https URL")
    if "@" in parts.netloc:
        raise Fault("which contains a user name")
    if not is_plain(uri):
        raise Fault("which contains a space, a control character or a character outside ASCII")
    return parts
