# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people take for an issuer that is something else, and what the issuer is."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import unquote

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import (
    WEBSITE,
    parse_s3_address,
    parse_s3_host,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

_WELL_KNOWN = "/.well-known"

# The ends of the addresses of a JWKS: kube-apiserver's, Keycloak's, this collection's and a common one.
_JWKS_ENDS = ("/openid/v1/jwks", "/protocol/openid-connect/certs", "/keys.json", "/jwks.json")

# RFC 8414, section 3.1, inserts the name of the document in front of the issuer's path instead of appending it.
# Compiled when one of them is needed, since every run looks at its issuer and hardly any finds a mistake.
_INSERTED = r"(?i)/\.well-known/(?:openid-configuration|oauth-authorization-server)(?P<path>/.+)"
_PROVIDER_ARN = r"arn:[a-z-]+:iam::[^:]*:oidc-provider/(?P<issuer>.+)"
_CONSOLE = r"(?:.+\.)?console\.(?:aws\.amazon\.com|amazonaws\.cn|amazonaws-us-gov\.com|aws\.eu)"

_URL = re.compile(r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?://)(?:[^/]*@)?(?P<host>[^/?#]*)(?P<path>[^?#]*)")


class Mistake(t.NamedTuple):
    """What a text is, in words to follow it, and the issuer that was probably meant, or words for it."""

    what: str
    issuer: str


def mistake_in(text: str) -> Mistake | None:
    """Return what a text is that is given as an issuer, None if it may be one."""
    arn = re.fullmatch(_PROVIDER_ARN, text) if text.startswith("arn:") else None
    if arn:
        return Mistake("is the ARN of a provider", quoted(f"https://{arn['issuer']}"))
    if text.lower().startswith("s3://"):
        return Mistake("is an S3 URI", "the URL under which the bucket serves the documents")
    url = _URL.fullmatch(text.partition("?")[0].partition("#")[0])
    if url is None:
        return None
    return _document_in(url) or _page_in(url)


def issuer_of_document(url: str) -> str | None:
    """Return the issuer whose discovery document or JWKS has this URL by its form; None if it is not such a URL."""
    match = _URL.fullmatch(url)
    start = _before_document(match["path"]) if match else None
    return None if match is None or start is None else f"https://{match['host']}{start[1]}"


def is_document_path(path: str) -> bool:
    """Whether a path, without a slash in front, is that of a discovery document or a JWKS by its form."""
    return _before_document(f"/{path}") is not None


def _document_in(url: re.Match[str]) -> Mistake | None:
    found = _before_document(url["path"])
    if found is None:
        return None
    name, start = found
    return Mistake(f"is the address of the {name}", quoted(f"https://{url['host']}{start}"))


def _before_document(any_path: str) -> tuple[str, str] | None:
    """Return which document a path leads to, and the path of its issuer."""
    path = re.sub("/+", "/", unquote(any_path)).rstrip("/")
    lower = path.lower()
    end = next((end for end in _JWKS_ENDS if lower.endswith(end)), None)
    if f"{_WELL_KNOWN}/" in f"{lower}/":
        inserted = re.fullmatch(_INSERTED, path)
        name = "JWKS" if end or lower.endswith("/jwks") else "discovery document"
        is_inserted = inserted is not None and name != "JWKS"
        return name, inserted["path"] if inserted and is_inserted else path[: lower.index(_WELL_KNOWN)]
    return ("JWKS", path[: -len(end)]) if end else None


def _page_in(url: re.Match[str]) -> Mistake | None:
    host, path = url["host"].lower(), url["path"].rstrip("/")
    if "console." in host and re.fullmatch(_CONSOLE, host):
        return Mistake("is a page of the AWS console", "the URL under which the bucket serves the documents")
    parts = parse_s3_host(host)
    if parts is None:
        return None
    region = parts.region or "REGION"
    if parts.form == WEBSITE:
        issuer = f"https://{parts.bucket or 'BUCKET'}.s3.{region}.{parts.suffix}{path}"
        return Mistake("is the website endpoint of a bucket, which has no HTTPS", quoted(issuer))
    if parse_s3_address(host + path) is None:
        return Mistake("is the address of S3 without a bucket", quoted(f"https://BUCKET.s3.{region}.{parts.suffix}"))
    return None
