# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a bucket answers strangers with 403, which to them is one answer for many causes; seen with credentials.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
"""

from __future__ import annotations

import json
import re
import typing as t
from urllib.parse import unquote, urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import account, endpoints
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import bucket_policy_reading
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
_BUCKET_HOST = re.compile(r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]*)\.)?s3[.-](?:dualstack\.)?(?:(?P<region>[a-z0-9-]+)\.)?")


class Location(t.NamedTuple):
    """A bucket and a key in it."""

    bucket: str
    key: str


def look_into_bucket(report: Report, aws: Aws, url: str, account_id: t.Optional[str] = None) -> t.Optional[str]:
    """Report why a bucket answers 403 for a URL. Returns None where that was found, else a sentence that says why not.

    ``account_id`` is that of the bucket, where it is known not to be that of the credentials.
    """
    try:
        if not aws.has_credentials():
            return "Why, it takes credentials to see, and there are none."
        endpoint = endpoints.endpoint_of(aws.client("s3"))
        location = _located(url, endpoint)
        if location is None:
            return ""
        look = _Look(report, aws, endpoint, location, account_id)
        found = look.report()
    except IrsaError as failure:
        return f"Why, it takes credentials to see, and they cannot be used: {failure}"
    if found:
        return None
    unknown = "".join(f" {text}" for text in look.unknown)
    return f"In what the credentials can see nothing keeps them from it.{unknown}"


def _located(url: str, endpoint: endpoints.Endpoint) -> t.Optional[Location]:
    parts = urlsplit(url)
    host, key = (parts.hostname or "").lower(), unquote(parts.path).lstrip("/")
    endpoint_host = (urlsplit(endpoint.url).hostname or "").lower()
    if not endpoint.is_aws and host.endswith(f".{endpoint_host}"):
        return Location(host.removesuffix(f".{endpoint_host}"), key)
    match = _BUCKET_HOST.fullmatch(host.removesuffix(endpoint.suffix)) if host.endswith(f".{endpoint.suffix}") else None
    if match is not None and match["bucket"]:
        return Location(match["bucket"], key)
    if match is None and (endpoint.is_aws or host != endpoint_host):
        return None
    bucket, dummy, key = key.partition("/")  # the bucket in the path, and not in the host's name
    return Location(bucket, key) if bucket and key else None


class _Look:
    """Reads what decides on an anonymous read of an object, and reports each part of it."""

    def __init__(
        self, report_to: Report, aws: Aws, endpoint: endpoints.Endpoint, location: Location, account_id: t.Optional[str]
    ) -> None:
        self._to = report_to
        self._aws = aws
        self._endpoint = endpoint
        self._location = location
        self._account_id = account_id
        self.unknown: list[str] = []

    def report(self) -> bool:
        """Whether a reason was found. Every part is looked at, since the next one to be met is worth knowing, too."""
        if not self._exists():
            return True
        found = [look() for look in (self._access_block, self._policy, self._object)]
        return any(found)

    def _read(self, check: str, service: str, operation: str, absent: t.Sequence[str], **params: t.Any) -> t.Any:
        """The answer of a read: None where there is nothing, False where it is unknown, which is reported."""
        try:
            return self._aws.call(service, operation, f"bucket {self._location.bucket}", absent_codes=absent, **params)
        except CallFailed as failure:
            lacking = failure.details.get("missing_permissions")
            why = f"unknown: the credentials lack {' and '.join(lacking)}" if lacking else f"unknown: {failure}"
            self._to.skipped(check, why)
            self.unknown.append(f"{check} is {why}.")
            return False

    def _of_bucket(self, check: str, operation: str, *absent: str, **params: t.Any) -> t.Any:
        return self._read(check, "s3", operation, absent, Bucket=self._location.bucket, **params)

    def _exists(self) -> bool:
        head = self._of_bucket("bucket-exists", "HeadBucket", "404", "NoSuchBucket")
        if head is None:
            self._to.error("bucket-exists", f"The bucket {self._location.bucket} does not exist.")
            return False
        if head is not False:
            self._to.ok("bucket-exists", f"The bucket {self._location.bucket} exists.")
        return True

    def _access_block(self) -> bool:
        absent = "NoSuchPublicAccessBlockConfiguration"
        own = self._of_bucket("bucket-access-block", "GetPublicAccessBlock", absent)
        blockers = ["the bucket"] if _restricts(own) else []
        shared: t.Any = None
        if self._endpoint.is_aws:
            try:
                owner = account.account_of(self._aws, self._account_id)
                shared = self._read(
                    "bucket-access-block", "s3control", "GetPublicAccessBlock", [absent], AccountId=owner
                )
            except IrsaError as failure:
                self.unknown.append(f"Whether the account blocks it is unknown: {failure}")
                shared = False
        if _restricts(shared):
            blockers.append("the account")
        if blockers:
            self._to.error(
                "bucket-access-block",
                f"RestrictPublicBuckets of {' and of '.join(blockers)} keeps everybody else from reading "
                f"{self._location.key}, whatever the policy says.",
            )
        elif own is not False and shared is not False:
            self._to.ok("bucket-access-block", "Block Public Access lets the policy open the documents.")
        return bool(blockers)

    def _policy(self) -> bool:
        answer = self._of_bucket("bucket-policy", "GetBucketPolicy", "NoSuchBucketPolicy")
        if answer is False:
            return False
        try:
            policy = None if answer is None else json.loads(answer["Policy"])
        except ValueError:
            policy = None
        arn = f"arn:{self._endpoint.partition}:s3:::{self._location.bucket}/{self._location.key}"
        fault = bucket_policy_reading.fault_of(policy, arn)
        if fault:
            self._to.error("bucket-policy", f"The policy of the bucket does not let everybody read it: {fault}.")
        else:
            self._to.ok("bucket-policy", f"The bucket's policy lets everybody read {self._location.key}.")
        return fault is not None

    def _object(self) -> bool:
        key = self._location.key
        head = self._of_bucket("object-exists", "HeadObject", "404", "NoSuchKey", Key=key)
        if head is False:
            return False
        if head is None:
            self._to.error("object-exists", f"There is no object {key} in the bucket {self._location.bucket}.")
            return True
        self._to.ok("object-exists", f"The object {key} exists.")
        encryption = str(head.get("ServerSideEncryption") or "")
        if encryption.startswith("aws:kms"):
            self._to.error("object-encryption", f"The object {key} is encrypted with {encryption}.")
            return True
        self._to.ok("object-encryption", f"The object {key} is not encrypted with KMS.")
        return False


def _restricts(answer: t.Any) -> bool:
    settings = answer.get("PublicAccessBlockConfiguration", {}) if isinstance(answer, dict) else {}
    return bool(settings.get("RestrictPublicBuckets"))
