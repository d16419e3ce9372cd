# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects that a pattern of public paths would open, and whether each is a document of an issuer.

``*`` crosses slashes, so ``*/keys.json`` matches objects of others in any folder. An object is explained by the
discovery document of its folder: its issuer is at the address of the folder.
"""

from __future__ import annotations

import os.path
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Read
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import wildcards
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import member
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_host
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.documents import MAX_BYTES
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import (
    DISCOVERY_PATH,
    JWKS_PATH,
    object_keys,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import Bucket
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_store import read_of

_WILDCARD = re.compile(r"[*?]")

# A page has up to 1000 objects.
_MAX_PAGES = 100
_MAX_DOCUMENTS = 500
_READ_AT_ONCE = 8


def is_named_as_document(key: str) -> bool:
    """Return whether a key, or a pattern for keys, has the name of one of the two documents."""
    return _prefix_of(key) is not None


def unexplained(bucket: Bucket, paths: t.Sequence[str], *, known: t.Container[str]) -> list[str]:
    """Return the keys of all objects that these paths match, except those that are ``known`` or explained.

    Raises IrsaError, and Fault if there are too many objects to look at.
    """
    return unexplained_keys(bucket, [key for key in _matching(bucket, paths) if key not in known])


def unexplained_keys(bucket: Bucket, keys: t.Sequence[str]) -> list[str]:
    """Return which of these keys are not explained. Raises IrsaError, and Fault if they are too many."""
    prefixes = sorted({prefix for prefix in map(_prefix_of, keys) if prefix is not None})
    if len(prefixes) > _MAX_DOCUMENTS:
        raise Fault(f"match the documents of more than {_MAX_DOCUMENTS} issuers, too many to look at")
    explained: set[str] = set()
    for start in range(0, len(prefixes), _READ_AT_ONCE):
        batch = [(prefix, _read_of(bucket, prefix).start()) for prefix in prefixes[start : start + _READ_AT_ONCE]]
        for prefix, read in batch:
            explained |= _explained_by(_document_in(read), bucket.spec.name, prefix)
    return [key for key in keys if key not in explained]


def _matching(bucket: Bucket, paths: t.Sequence[str]) -> list[str]:
    starts = [_WILDCARD.split(path)[0] for path in paths]
    tails = tuple({_WILDCARD.split(path)[-1] for path in paths})
    return [
        key
        for key in _listed(bucket, os.path.commonprefix(starts))  # noqa: RUF071  # S3 compares characters, too
        if key.endswith(tails) and any(wildcards.fits(path, key) for path in paths)
    ]


def _listed(bucket: Bucket, prefix: str) -> t.Iterator[str]:
    """Yield the keys that begin with a prefix."""
    params = {**bucket.id_params, "Prefix": prefix}
    for dummy in range(_MAX_PAGES):
        page = bucket.aws.call("s3", "ListObjectsV2", bucket.target, **params) or {}
        yield from (each["Key"] for each in page.get("Contents", []))
        if not page.get("IsTruncated"):
            return
        params["ContinuationToken"] = page["NextContinuationToken"]
    raise Fault(f"are for a bucket of more than {_MAX_PAGES * 1000} objects, too many to look at")


def _prefix_of(key: str) -> str | None:
    """Return the prefix under which an issuer has this key, None if no issuer has it."""
    for name in (JWKS_PATH, DISCOVERY_PATH):
        prefix = "" if key == name else key.removesuffix(f"/{name}")
        if key in object_keys(prefix):
            return prefix
    return None


def _read_of(bucket: Bucket, prefix: str) -> Read:
    dummy, key = object_keys(prefix)
    return read_of(bucket.aws, bucket.id_params, key, max_body=MAX_BYTES, absent_codes=("NoSuchKey",))


def _document_in(read: Read) -> t.Any:
    """Return a discovery document, None if there is none that these credentials can read."""
    try:
        answer = read.result()
        if answer is None:
            return None
        content: bytes = answer["Body"]
    except CallFailed as failure:
        if failure.denied or failure.code == "InvalidObjectState":  # archived
            return None
        raise
    try:
        return parse_json(content.decode()) if len(content) <= MAX_BYTES else None
    except ValueError:
        return None


def _explained_by(document: t.Any, bucket: str, prefix: str) -> set[str]:
    """Return which of the two keys under a prefix a discovery document there explains."""
    jwks, discovery = object_keys(prefix)
    if not _is_at(member(document, "issuer"), bucket, prefix):
        return set()
    jwks_uri = member(document, "jwks_uri")
    beside = isinstance(jwks_uri, str) and jwks_uri.endswith(f"/{JWKS_PATH}")
    if beside and _is_at(jwks_uri.removesuffix(f"/{JWKS_PATH}"), bucket, prefix):
        return {jwks, discovery}
    return {discovery}


def _is_at(url: t.Any, bucket: str, prefix: str) -> bool:
    """Return whether a URL is the address of a prefix in the bucket.

    A host name that is not one of S3 may lead to any bucket, so only its path is compared.
    """
    if not isinstance(url, str) or not url.startswith("https://"):
        return False
    host, dummy, path = url.removeprefix("https://").rstrip("/").partition("/")
    parts = parse_s3_host(host)
    in_path = f"{bucket}/{prefix}".rstrip("/")
    if parts is None:
        return path in (prefix, in_path)
    return path == prefix if parts.bucket == bucket else parts.bucket is None and path == in_path
