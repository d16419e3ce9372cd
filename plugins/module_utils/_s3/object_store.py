# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where documents are published: read what is there, plan a write under a condition. S3 is the one such place today."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import place_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.plan import Change

CONTENT_TYPE = "application/json"

# A document has a few kilobytes, a full JWKS about 80.
_MOST_BYTES = 1 << 20


class Stored(t.NamedTuple):
    """An object as it is stored: its text (None where it is not UTF-8), its ETag, and the headers that it is served
    with.
    """

    text: t.Optional[str]
    etag: str
    content_type: t.Optional[str]
    cache_control: t.Optional[str]
    encryption: t.Optional[str]


class ObjectStore(t.Protocol):
    """A place to publish at."""

    def read(self, key: str) -> t.Optional[Stored]:
        """What is stored under a key, None for nothing; raises IrsaError."""

    def write(self, key: str, present: t.Optional[Stored], text: str, cache_control: str) -> Change:
        """The write of a document, which fails unless ``present`` is still what is there."""

    def delete(self, key: str, present: Stored) -> Change:
        """The removal of a document."""


class S3Store:
    """Objects in a bucket, of an owner whose account ID every call carries."""

    def __init__(self, aws: Aws, bucket: str, account_id: str) -> None:
        self.aws = aws
        self.bucket = bucket
        self.address = {"Bucket": bucket, "ExpectedBucketOwner": account_id}
        self.is_aws = place_of(aws.client("s3")).is_aws

    def _name(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def begin(self, key: str) -> None:
        """Start reading what is stored under a key, beside other reads."""
        self.aws.begin("s3", "GetObject", Key=key, **self.address)

    def read(self, key: str) -> t.Optional[Stored]:
        try:
            answer = self.aws.call(
                "s3", "GetObject", self._name(key), absent=("NoSuchKey", "NoSuchBucket", "404"), Key=key, **self.address
            )
        except CallFailed as failure:
            if failure.denied:
                raise IrsaError(
                    f"{failure} Check also that the bucket is of account {self.address['ExpectedBucketOwner']}.",
                    **failure.details,
                ) from None
            raise
        if answer is None:
            return None
        content = answer["Body"].read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise IrsaError(
                f"{self._name(key)} is larger than 1 MiB, so it is none of the two documents. Choose another prefix or "
                "bucket."
            )
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = None
        return Stored(
            text,
            answer["ETag"],
            answer.get("ContentType"),
            answer.get("CacheControl"),
            answer.get("ServerSideEncryption"),
        )

    def write(self, key: str, present: t.Optional[Stored], text: str, cache_control: str) -> Change:
        params = {
            **self.address,
            "Key": key,
            "Body": text.encode("ascii"),
            "ContentType": CONTENT_TYPE,
            "CacheControl": cache_control,
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
            **({"IfMatch": present.etag} if present else {"IfNoneMatch": "*"}),
        }
        if self.is_aws:
            # The bucket's default may be a KMS key, and nobody can read such an object anonymously.
            params["ServerSideEncryption"] = "AES256"
        before = self._drawn_stored(present) if present else None
        return Change(
            "s3",
            "PutObject",
            params,
            self._name(key),
            "document",
            before,
            self._drawn(text, CONTENT_TYPE, cache_control),
            repeat=("NoSuchBucket",),  # not every part of S3 knows a bucket the moment it was made
        )

    def delete(self, key: str, present: Stored) -> Change:
        before = self._drawn_stored(present)
        return Change("s3", "DeleteObject", {**self.address, "Key": key}, self._name(key), "document", before, None)

    def _drawn_stored(self, present: Stored) -> str:
        """A stored object in a diff. What may be a private key is not shown: this is how one gets out again."""
        text = present.text or ""
        shown = f"(withheld: {len(text)} characters that are no JSON, or hold a private key)\n"
        return self._drawn(shown if masking.in_json(text) else text, present.content_type, present.cache_control)

    @staticmethod
    def _drawn(text: str, content_type: t.Optional[str], cache_control: t.Optional[str]) -> str:
        return f"Content-Type: {content_type or '(none)'}\nCache-Control: {cache_control or '(none)'}\n\n{text}"

    def is_as_wanted(self, present: Stored, text: str, cache_control: str) -> bool:
        """Whether a stored object is what a write of this text would make of it."""
        headers_match = (present.content_type, present.cache_control) == (CONTENT_TYPE, cache_control)
        readable = present.encryption in (None, "AES256")
        return present.text == text and headers_match and readable
