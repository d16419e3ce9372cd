# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which bucket and objects a URL addresses: one of S3 or of a store like it, or an ``s3://`` URL."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import SplitResult, unquote, urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import Endpoint
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_host
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import is_plain, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import Issuer

# A key of S3 has at most 1,024 bytes, each of which a URL may write as three.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_MAX_CHARACTERS = 4096

# botocore also takes ARNs for the name of a bucket, and sends requests for those and for names with these ends to hosts
# other than the endpoint: https://github.com/boto/botocore/blob/develop/botocore/data/s3/2006-03-01/endpoint-rule-set-1.json.gz
_BUCKET = re.compile("[A-Za-z0-9._-]+")
_ENDS_OF_OTHER_HOSTS = ("--x-s3", "--xa-s3", "--op-s3")

_DESTINATION = re.compile("s3://(?P<bucket>[^/]+)(/+(?P<prefix>.*?)/*)?")


class ObjectLocation(t.NamedTuple):
    """A bucket and a key in it."""

    bucket: str
    key: str


class Destination(t.NamedTuple):
    """Where several objects are. The prefix ends with a slash unless it is empty."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, text: str) -> Destination:
        """Return the destination that ``s3://bucket/prefix`` names. Raises Fault for any other text."""
        match = _DESTINATION.fullmatch(text)
        if match is None:
            raise Fault(f"must be s3://bucket/prefix, not {quoted(text)}")
        return cls(match["bucket"], f"{match['prefix']}/" if match["prefix"] else "")


def object_name(bucket: str, key: str) -> str:
    """Return the name of an object for messages, as the AWS CLI writes it."""
    return f"s3://{bucket}/{key}"


def locate_object(url: str, endpoint: Endpoint) -> ObjectLocation | None:
    """Return the object that a URL addresses, None if it is not one that the S3 endpoint serves.

    The host may name the bucket, or the path may. The name may come from a document that others have written.
    """
    location = _location_in(url, endpoint)
    if location is None or not _BUCKET.fullmatch(location.bucket) or location.bucket.endswith(_ENDS_OF_OTHER_HOSTS):
        return None
    return location


def _location_in(url: str, endpoint: Endpoint) -> ObjectLocation | None:
    parts = urlsplit(url)
    host, path = (parts.hostname or "").lower(), unquote(parts.path).removeprefix("/")
    endpoint_host = (urlsplit(endpoint.url).hostname or "").lower()
    if not endpoint.is_aws and host.endswith(f".{endpoint_host}"):
        return ObjectLocation(host.removesuffix(f".{endpoint_host}"), path)
    s3_host = parse_s3_host(host)
    if s3_host is not None and s3_host.suffix != endpoint.suffix:
        s3_host = None
    if s3_host is not None and s3_host.bucket:
        return ObjectLocation(s3_host.bucket, path)
    if s3_host is None and (endpoint.is_aws or host != endpoint_host):
        return None
    bucket, dummy, key = path.partition("/")
    return ObjectLocation(bucket, key) if bucket and key else None


class Site(t.NamedTuple):
    """Where an issuer's documents are: under its URL, and under a prefix of a bucket of this endpoint."""

    issuer: Issuer
    bucket: str
    prefix: str | None
    endpoint: Endpoint

    def key_of(self, url: str) -> str | None:
        """Return the key under which the bucket holds what a URL serves, None if that is not certain."""
        parts = _certain_parts(url, self.endpoint)
        if parts is None:
            return None
        host, path = (parts.hostname or "").lower(), unquote(parts.path)
        start = f"{self.issuer.path}/"
        if host == self.issuer.host.lower() and path.startswith(start):
            key = (f"{self.prefix}/" if self.prefix else "") + path.removeprefix(start)
        else:
            location = locate_object(url, self.endpoint)
            key = location.key if location and location.bucket == self.bucket else ""
        return key or None


def _certain_parts(url: str, endpoint: Endpoint) -> SplitResult | None:
    """Return the parts of a URL, None if clients may read it in different ways or a query selects what it serves."""
    if len(url) > _MAX_CHARACTERS or not is_plain(url):
        return None
    try:
        parts = urlsplit(url)
        has_usual_port = parts.port in (None, 443, urlsplit(endpoint.url).port)
    except ValueError:
        return None
    # S3 reads + in a path as a space, other servers do not.
    is_odd = parts.query or parts.fragment or "@" in parts.netloc or "+" in parts.path
    if is_odd or not has_usual_port or {".", ".."} & set(unquote(parts.path).split("/")):
        return None
    return parts
