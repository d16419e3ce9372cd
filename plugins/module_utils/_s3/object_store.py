# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where documents are published: read what is stored, plan a write under a condition. Today that is S3 only."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, Read
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.response_body import read_body
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.documents import MAX_BYTES

CONTENT_TYPE = "application/json"


class Stored(t.NamedTuple):
    """An object as it is stored: its text (None if it is not UTF-8), its ETag, and the headers it is served with."""

    text: str | None
    etag: str
    content_type: str | None
    cache_control: str | None
    encryption: str | None


class S3Store:
    """Objects in a bucket, of an owner whose account ID every call carries."""

    def __init__(self, aws: Aws, bucket: str, account_id: str) -> None:
        self.aws = aws
        self.bucket = bucket
        self.id_params = {"Bucket": bucket, "ExpectedBucketOwner": account_id}
        self.is_aws = endpoint_of(aws.client("s3")).is_aws
        self._reads: dict[str, Read] = {}

    def _name(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def _read_of(self, key: str) -> Read:
        if key not in self._reads:
            absent_codes = ("NoSuchKey", "NoSuchBucket", "404")
            self._reads[key] = self.aws.read(
                "s3", "GetObject", self._name(key), absent_codes=absent_codes, Key=key, **self.id_params
            )
        return self._reads[key]

    def start(self, key: str) -> None:
        """Start reading an object, in parallel with other reads. Raises CallFailed if there is no client."""
        self._read_of(key).start()

    def read(self, key: str) -> Stored | None:
        """Return what is stored under a key, None for nothing. Raises IrsaError."""
        try:
            answer = self._read_of(key).result()
        except CallFailed as failure:
            if failure.denied:
                raise IrsaError(
                    f"{failure} Check also that the bucket belongs to account {self.id_params['ExpectedBucketOwner']}.",
                    **failure.details,
                ) from None
            raise
        if answer is None:
            return None
        content = read_body(answer["Body"], MAX_BYTES, call="s3:GetObject", target=self._name(key))
        if len(content) > MAX_BYTES:
            raise IrsaError(
                f"{self._name(key)} is larger than 1 MiB, so it cannot be either document. Choose another prefix or "
                "bucket."
            )
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = None
        return Stored(
            text=text,
            etag=answer["ETag"],
            content_type=answer.get("ContentType"),
            cache_control=answer.get("CacheControl"),
            encryption=answer.get("ServerSideEncryption"),
        )

    def write(self, key: str, current: Stored | None, *, text: str, cache_control: str) -> ApiCall:
        """Return the write of a document, which fails unless ``current`` is still what is stored."""
        params = {
            **self.id_params,
            "Key": key,
            "Body": text.encode("ascii"),
            "ContentType": CONTENT_TYPE,
            "CacheControl": cache_control,
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
            **({"IfMatch": current.etag} if current else {"IfNoneMatch": "*"}),
        }
        if self.is_aws:
            # The bucket's default may be a KMS key, and no one can read such an object anonymously.
            params["ServerSideEncryption"] = "AES256"
        return ApiCall(
            service="s3",
            operation="PutObject",
            params=params,
            target=self._name(key),
            part="document",
            before=_shown(current) if current else None,
            after=_shown_text(text, CONTENT_TYPE, cache_control),
            retry_codes=("NoSuchBucket",),  # S3 may answer this for a moment after a bucket was created
        )

    def delete(self, key: str, current: Stored) -> ApiCall:
        """Return the removal of a document."""
        return ApiCall(
            service="s3",
            operation="DeleteObject",
            params={**self.id_params, "Key": key},
            target=self._name(key),
            part="document",
            before=_shown(current),
        )

    @staticmethod
    def matches(current: Stored, text: str, cache_control: str) -> bool:
        """Return whether a stored object is already what a write of this text would make of it."""
        headers_match = (current.content_type, current.cache_control) == (CONTENT_TYPE, cache_control)
        readable = current.encryption in (None, "AES256")
        return current.text == text and headers_match and readable


def _shown(current: Stored) -> str:
    """Return a stored object as a diff shows it, which withholds what may be a private key."""
    text = current.text or ""
    withheld = f"(withheld: {len(text)} characters that are not JSON, or hold a private key)\n"
    return _shown_text(withheld if masking.in_json(text) else text, current.content_type, current.cache_control)


def _shown_text(text: str, content_type: str | None, cache_control: str | None) -> str:
    return f"Content-Type: {content_type or '(none)'}\nCache-Control: {cache_control or '(none)'}\n\n{text}"
