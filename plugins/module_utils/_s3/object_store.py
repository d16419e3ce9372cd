# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where documents are published: read what is stored, plan a write under a condition. Today that is S3 only."""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import re
import typing as t
import zlib

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, Read
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.actions import WRITE
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_location import object_name

CONTENT_TYPE = "application/json"

# STS reads at most 100 keys of each type: 200 RSA keys of 4096 bits have 160 kB.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_STORED_BYTES = 256 << 10

# https://www.rfc-editor.org/rfc/rfc1952, and zlib's name for this format
_GZIP_START, _GZIP_BITS = b"\x1f\x8b", 31

# The headers that an object is stored with, as GetObject returns them, which change what a client receives or makes of
# it. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_ResponseSyntax
_HEADERS = {
    "Content-Type": "ContentType",
    "Cache-Control": "CacheControl",
    "Content-Encoding": "ContentEncoding",
    "Content-Disposition": "ContentDisposition",
    "Content-Language": "ContentLanguage",
    "Expires": "Expires",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-storage-class": "StorageClass",
}
# Values that are as good as none: S3's own encryption, and what an upload in chunks leaves behind in some stores.
_AS_GOOD_AS_NONE = {"ServerSideEncryption": ("AES256",), "ContentEncoding": ("aws-chunked",)}
# Classes whose objects can be read for a while after they have been restored, and then not.
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")

# What S3 stores so that no anonymous client can read it, by the error code that says so.
_HINTS = {
    "InvalidObjectState": "The object is in an archive, where no one can read it. Restore it, and run again.",
    "InvalidRequest": (
        "If the object is encrypted with a key that only its owner has (SSE-C), no one else can read it. Upload it "
        "again without that key."
    ),
}
_MD5 = re.compile("[0-9a-f]{32}")
_MAX_READS = 3


def read_of(
    aws: Aws,
    id_params: t.Mapping[str, str],
    key: str,
    *,
    max_body: int,
    absent_codes: t.Container[str] = ("NoSuchKey", "NoSuchBucket"),
) -> Read:
    """Describe the read of an object; ``id_params`` name its bucket, and the bucket's owner."""
    target = object_name(id_params["Bucket"], key)
    return aws.read("s3", "GetObject", target, absent_codes=absent_codes, max_body=max_body, Key=key, **id_params)


class Stored(t.NamedTuple):
    """An object as it is stored: its content as clients decode it, the same as text (None if it is not UTF-8), its
    ETag, and the headers it is served with.

    ``modified`` is when it was written last and ``read_at`` when it was read, both by the store's clock, in seconds
    since 1970; None if the store did not say.
    """

    content: bytes
    text: str | None
    etag: str
    headers: t.Mapping[str, str]
    modified: float | None = None
    read_at: float | None = None


def time_of(answer: t.Mapping[str, t.Any]) -> float | None:
    """Return when the store sent an answer, by its own clock (the header Date); None if it did not say."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return email.utils.parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError, OverflowError, IndexError):
        return None


class S3Store:
    """Objects in a bucket, of an owner whose account ID every call carries."""

    def __init__(self, aws: Aws, bucket: str, account_id: str) -> None:
        self.aws = aws
        self.bucket = bucket
        self.id_params = {"Bucket": bucket, "ExpectedBucketOwner": account_id}
        self.is_aws = endpoint_of(aws.client("s3")).is_aws
        self._reads: dict[str, Read] = {}

    def _name(self, key: str) -> str:
        return object_name(self.bucket, key)

    def _read_of(self, key: str) -> Read:
        if key not in self._reads:
            self._reads[key] = read_of(self.aws, self.id_params, key, max_body=MAX_STORED_BYTES)
        return self._reads[key]

    def start(self, key: str) -> None:
        """Start reading an object, in parallel with other reads. Raises CallFailed if there is no client."""
        self._read_of(key).start()

    def read(self, key: str) -> Stored | None:
        """Return what is stored under a key, None for nothing. Raises IrsaError."""
        for dummy in range(_MAX_READS):
            answer = self._answer(key)
            if answer is None:
                return None
            content: bytes = answer["Body"]
            if len(content) > MAX_STORED_BYTES:
                raise self._too_large(key)
            if self._is_whole(answer, content):
                return self._stored(key, answer, content)
        raise IrsaError(
            f"The answer to s3:GetObject on {self._name(key)} is not what S3 stores: it does not fit its ETag. "
            "Something between here and S3, such as a proxy, has replaced it. Check the proxy (HTTPS_PROXY, NO_PROXY) "
            "and the network, and run again."
        )

    def _answer(self, key: str) -> dict[str, t.Any] | None:
        try:
            return self._read_of(key).result()
        except CallFailed as failure:
            owner = self.id_params["ExpectedBucketOwner"]
            hint = f"Check also that the bucket belongs to account {owner}." if failure.denied else ""
            hint = hint or _HINTS.get(failure.code, "")
            if not hint:
                raise
            raise IrsaError(f"{failure} {hint}", **failure.details) from None

    def _is_whole(self, answer: t.Mapping[str, t.Any], content: bytes) -> bool:
        """Whether a body is the stored one, and not a sign-in page or the like.

        At AWS, the ETag of an object is its MD5 unless it was uploaded in parts or is encrypted with a key of KMS:
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html. Other stores may do it differently, so there
        only a body that does not look like a document raises doubts.
        """
        etag = str(answer.get("ETag", "")).strip('"')
        if not _MD5.fullmatch(etag) or answer.get("ServerSideEncryption") not in (None, "AES256"):
            return bool(etag)
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == etag:
            return True
        return not self.is_aws and _is_document(content)

    def _stored(self, key: str, answer: t.Mapping[str, t.Any], content: bytes) -> Stored:
        headers = _headers_of(answer)
        content = _decoded(content, headers.get("Content-Encoding", ""))
        if len(content) > MAX_STORED_BYTES:
            raise self._too_large(key)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = None
        modified = answer.get("LastModified")
        return Stored(
            content=content,
            text=text,
            etag=answer["ETag"],
            headers=headers,
            modified=modified.timestamp() if isinstance(modified, datetime.datetime) else None,
            read_at=time_of(answer),
        )

    def _too_large(self, key: str) -> IrsaError:
        return IrsaError(
            f"{self._name(key)} is larger than {MAX_STORED_BYTES >> 10} KiB, so it cannot be either document. "
            "Choose another prefix or bucket."
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
            operation=WRITE,
            params=params,
            target=self._name(key),
            part="document",
            before=_shown(current) if current else None,
            after=_shown_text(text, _desired_headers(cache_control)),
            retry_codes=("NoSuchBucket",),  # S3 may answer this for a moment after a bucket was created
        )

    def delete(self, key: str, current: Stored) -> ApiCall:
        """Return the removal of a document. At AWS, it fails unless ``current`` is still what is stored.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
        """
        return ApiCall(
            service="s3",
            operation="DeleteObject",
            params={
                **self.id_params,
                "Key": key,
                **({"IfMatch": current.etag} if self.deletes_conditionally else {}),
            },
            target=self._name(key),
            part="document",
            before=_shown(current),
            done_codes=("NoSuchKey",),
        )

    @property
    def deletes_conditionally(self) -> bool:
        """Whether a removal can have a condition, which needs AWS and a recent botocore."""
        model = self.aws.client("s3").meta.service_model
        return self.is_aws and "IfMatch" in model.operation_model("DeleteObject").input_shape.members

    @staticmethod
    def matches(current: Stored, text: str, cache_control: str) -> bool:
        """Return whether a stored object is already what a write of this text would make of it."""
        return current.text == text and current.headers == _desired_headers(cache_control)


def _desired_headers(cache_control: str) -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPE, **({"Cache-Control": cache_control} if cache_control else {})}


def _headers_of(answer: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return the headers of an object that matter to those who read it."""
    values = {name: (member, answer.get(member)) for name, member in _HEADERS.items()}
    return {
        name: str(value)
        for name, (member, value) in values.items()
        if value and value not in _AS_GOOD_AS_NONE.get(member, ()) and (member != "StorageClass" or value in _ARCHIVES)
    }


def _decoded(content: bytes, encoding: str) -> bytes:
    """Return what a client makes of gzip data that are declared as such; all other content as it is."""
    if "gzip" not in encoding.lower() or not content.startswith(_GZIP_START):
        return content
    stream = zlib.decompressobj(_GZIP_BITS)
    try:
        decoded = stream.decompress(content, MAX_STORED_BYTES + 1)
    except zlib.error:
        return content
    return decoded if stream.eof or len(decoded) > MAX_STORED_BYTES else content


def _is_document(content: bytes) -> bool:
    """Whether a body looks like a JWKS, a discovery document or the record of a rotation."""
    try:
        document = parse_json(content.decode("utf-8"))
    except ValueError:  # also UnicodeDecodeError
        return False
    return isinstance(document, dict) and bool({"keys", "issuer", "events"} & document.keys())


def _shown(current: Stored) -> str:
    """Return a stored object as a diff shows it, which withholds what may be a private key."""
    text = current.text or ""
    withheld = f"(withheld: {len(text)} characters that are not JSON, or hold a private key)\n"
    return _shown_text(withheld if masking.in_json(text) else text, current.headers)


def _shown_text(text: str, headers: t.Mapping[str, str]) -> str:
    shown = {"Content-Type": "(none)", "Cache-Control": "(none)", **headers}
    return "".join(f"{name}: {value}\n" for name, value in shown.items()) + f"\n{text}"
