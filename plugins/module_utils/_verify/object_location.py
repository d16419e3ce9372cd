# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which bucket and object a URL of S3, or of a store like it, addresses."""

from __future__ import annotations

import typing as t
from urllib.parse import unquote, urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import Endpoint
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_host


class ObjectLocation(t.NamedTuple):
    """A bucket and a key in it."""

    bucket: str
    key: str


def locate_object(url: str, endpoint: Endpoint) -> ObjectLocation | None:
    """Return the object that a URL addresses, None if it is not one that the S3 endpoint serves.

    The host may name the bucket, or the path may.
    """
    parts = urlsplit(url)
    host, path = (parts.hostname or "").lower(), unquote(parts.path).lstrip("/")
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
