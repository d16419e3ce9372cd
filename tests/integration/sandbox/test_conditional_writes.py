# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PutObject and DeleteObject under a condition.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox_helpers import Refused


@pytest.fixture
def put(s3: Any, make_bucket: Callable[..., str]) -> Any:
    make_bucket()
    return lambda body, **condition: s3.put_object(Bucket="issuer-bucket", Key="k", Body=body, **condition)["ETag"]


def content(s3: Any) -> Any:
    return s3.get_object(Bucket="issuer-bucket", Key="k")["Body"].read()


def test_if_none_match_writes_only_when_absent(s3: Any, put: Any) -> None:
    put(b"first", IfNoneMatch="*")
    with Refused("PreconditionFailed", 412):
        put(b"second", IfNoneMatch="*")
    assert content(s3) == b"first"


def test_if_match_writes_only_when_unchanged(s3: Any, put: Any) -> None:
    etag = put(b"first")
    newer = put(b"second", IfMatch=etag)
    with Refused("PreconditionFailed", 412):
        put(b"third", IfMatch=etag)
    assert content(s3) == b"second"
    put(b"third", IfMatch=newer)
    assert content(s3) == b"third"


def test_if_match_needs_an_object(s3: Any, put: Any) -> None:
    with Refused("NoSuchKey", 404):
        put(b"first", IfMatch='"0123"')
    etag = put(b"first")
    s3.delete_object(Bucket="issuer-bucket", Key="k")
    with Refused("NoSuchKey", 404):
        put(b"second", IfMatch=etag)


def test_a_delete_marker_counts_as_absent(s3: Any, put: Any) -> None:
    s3.put_bucket_versioning(Bucket="issuer-bucket", VersioningConfiguration={"Status": "Enabled"})
    etag = put(b"first")
    s3.delete_object(Bucket="issuer-bucket", Key="k")
    with Refused("NoSuchKey", 404):
        put(b"second", IfMatch=etag)
    put(b"second", IfNoneMatch="*")
    assert content(s3) == b"second"


def test_if_match_deletes_only_when_unchanged(s3: Any, put: Any) -> None:
    etag = put(b"first")
    newer = put(b"second")
    with Refused("PreconditionFailed", 412):
        s3.delete_object(Bucket="issuer-bucket", Key="k", IfMatch=etag)
    assert content(s3) == b"second"
    s3.delete_object(Bucket="issuer-bucket", Key="k", IfMatch=newer)
    with Refused("NoSuchKey", 404):
        s3.delete_object(Bucket="issuer-bucket", Key="k", IfMatch=newer)
    s3.delete_object(Bucket="issuer-bucket", Key="k")
