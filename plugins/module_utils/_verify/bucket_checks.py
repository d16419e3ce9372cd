# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a bucket answers anonymous clients with 403, which has many causes; seen with credentials.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import account, endpoints
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_location import (
    ObjectLocation,
    locate_object,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import bucket_policy_reading
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report

_NO_BLOCK = "NoSuchPublicAccessBlockConfiguration"


def explain_forbidden(report: Report, aws: Aws, url: str, *, account_id: str | None = None) -> str | None:
    """Report why a bucket answers 403 for a URL. Returns None if the reason was found, else why it was not.

    ``account_id`` is that of the bucket's owner, None for the account of the credentials. AWS is asked about a bucket
    of this owner only, since its name may come from a document that others have written.
    """
    try:
        if not aws.has_credentials():
            return "AWS credentials are needed to find out why, but there are none."
        endpoint = endpoints.endpoint_of(aws.client("s3"))
        location = locate_object(url, endpoint)
        if location is None:
            return ""
        owner = account.account_of(aws, account_id, called("bucket_account_id"))
        inspection = _Inspection(report, aws, endpoint=endpoint, location=location, owner=owner)
        found = inspection.report_reasons()
        inspection.report_doubts()
    except IrsaError as failure:
        return f"The reason could not be looked up with AWS credentials: {failure}"
    if found:
        return None
    return " ".join([inspection.nothing_found, *inspection.unknown])


class _Read(t.NamedTuple):
    """The answer of a read: None if there is nothing to read. It may be unknown."""

    value: dict[str, t.Any] | None
    is_known: bool = True


_UNKNOWN = _Read(None, is_known=False)


class _Inspection:
    """Reads what decides on an anonymous read of an object, and reports each part of it.

    ``unknown`` are sentences about the parts that cannot be read, ``doubts`` are clauses about statements of the policy
    whose effect is not known here.
    """

    def __init__(
        self,
        report: Report,
        aws: Aws,
        *,
        endpoint: endpoints.Endpoint,
        location: ObjectLocation,
        owner: str,
    ) -> None:
        self._report = report
        self._aws = aws
        self._endpoint = endpoint
        self._location = location
        self._owner = owner
        self.unknown: list[str] = []
        self.doubts: t.Sequence[str] = ()

    @property
    def nothing_found(self) -> str:
        """What to say if no reason was found."""
        if self.doubts:
            return "Nothing that these credentials can see is certain to block anonymous reads; see bucket-policy."
        return "Nothing that these credentials can see blocks anonymous reads."

    def report_doubts(self) -> None:
        """Report statements of the policy whose effect is not known here, after everything that is certain."""
        if self.doubts:
            self._report.warning(
                "bucket-policy",
                f"It is not certain that the bucket policy allows anonymous reads of {self._location.key}: "
                f"{'; '.join(self.doubts)}.",
                "That depends on something unknown here, such as the address from which AWS reads the documents.",
                remedy="If nothing else is wrong, exclude both documents from the statement, or change its condition.",
            )

    def report_reasons(self) -> bool:
        """Inspect all parts, so that one run reports all reasons. Returns whether there is any.

        Each check returns whether it found a reason.
        """
        if self._check_bucket():
            return True
        found = [inspect() for inspect in (self._check_access_block, self._check_policy, self._check_object)]
        return any(found)

    def _read(
        self, check_id: str, operation: str, *, service: str = "s3", absent_codes: t.Sequence[str], **params: t.Any
    ) -> _Read:
        target = f"bucket {self._location.bucket}"
        try:
            return _Read(self._aws.call(service, operation, target, absent_codes=absent_codes, **params))
        except CallFailed as failure:
            self._note_unknown(check_id, self._reason_of(failure, service))
            return _UNKNOWN

    def _reason_of(self, failure: CallFailed, service: str) -> str:
        lacking = failure.details.get("missing_permissions")
        if not lacking:
            return str(failure)
        denial = _denial_in(failure)
        if denial:
            return f"{failure.call} is denied to the credentials: {denial}"
        # S3 answers both alike.
        of_others = f", or the bucket does not belong to account {self._owner}" if service == "s3" else ""
        return f"the credentials lack {' and '.join(lacking)}{of_others}"

    def _read_bucket(self, check_id: str, operation: str, *absent_codes: str, **params: t.Any) -> _Read:
        named = {"Bucket": self._location.bucket, "ExpectedBucketOwner": self._owner, **params}
        return self._read(check_id, operation, absent_codes=absent_codes, **named)

    def _note_unknown(self, check_id: str, reason: str) -> None:
        ended = f"{reason.rstrip('.')}."
        self._report.skipped(check_id, f"Unknown: {ended}")
        self.unknown.append(f"{check_id} is unknown: {ended}")

    def _check_bucket(self) -> bool:
        bucket = self._location.bucket
        head = self._read_bucket("bucket-exists", "HeadBucket", "404", "NoSuchBucket")
        if not head.is_known:
            return False
        if head.value is None:
            self._report.error("bucket-exists", f"The bucket {bucket} does not exist.")
            return True
        self._report.ok("bucket-exists", f"The bucket {bucket} exists.")
        return False

    def _check_access_block(self) -> bool:
        own = self._read_bucket("bucket-access-block", "GetPublicAccessBlock", _NO_BLOCK)
        shared = self._account_block()
        blockers = [name for name, block in (("the bucket", own), ("the account", shared)) if _restricts(block.value)]
        if blockers:
            self._report.error(
                "bucket-access-block",
                f"RestrictPublicBuckets of {' and of '.join(blockers)} blocks anonymous reads of {self._location.key}, "
                "whatever the policy allows.",
            )
        elif own.is_known and shared.is_known:
            self._report.ok("bucket-access-block", "Block Public Access lets the policy open the documents.")
        return bool(blockers)

    def _account_block(self) -> _Read:
        """Read the access block of the bucket's account, which only AWS has."""
        if not self._endpoint.is_aws:
            return _Read(None)
        return self._read(
            "bucket-access-block",
            "GetPublicAccessBlock",
            service="s3control",
            absent_codes=[_NO_BLOCK],
            AccountId=self._owner,
        )

    def _check_policy(self) -> bool:
        answer = self._read_bucket("bucket-policy", "GetBucketPolicy", "NoSuchBucketPolicy")
        if not answer.is_known:
            return False
        key = self._location.key
        arn = f"arn:{self._endpoint.partition}:s3:::{self._location.bucket}/{key}"
        fault, self.doubts = bucket_policy_reading.read(_policy_in(answer.value), arn)
        if fault is not None:
            self._report.error("bucket-policy", f"The bucket policy does not allow anonymous reads of {key}: {fault}.")
        elif not self.doubts:
            self._report.ok("bucket-policy", f"The bucket policy allows anonymous reads of {key}.")
        return fault is not None

    def _check_object(self) -> bool:
        bucket, key = self._location
        head = self._read_bucket("object-exists", "HeadObject", "404", "NoSuchKey", Key=key)
        if not head.is_known:
            return False
        if head.value is None:
            self._report.error("object-exists", f"The bucket {bucket} has no object {key}.")
            return True
        self._report.ok("object-exists", f"The object {key} exists.")
        encryption = str(head.value.get("ServerSideEncryption") or "")
        if encryption.startswith("aws:kms"):
            self._report.error("object-encryption", f"The object {key} is encrypted with {encryption}.")
            return True
        self._report.ok("object-encryption", f"The object {key} is not encrypted with KMS.")
        return False


def _denial_in(failure: CallFailed) -> str:
    """Return what AWS says if a policy denies the call explicitly, which no further permission changes; else empty.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    message = str(failure.details.get("error", {}).get("message", ""))
    return message if "explicit deny" in message.lower() else ""


def _restricts(answer: dict[str, t.Any] | None) -> bool:
    return bool((answer or {}).get("PublicAccessBlockConfiguration", {}).get("RestrictPublicBuckets"))


def _policy_in(answer: dict[str, t.Any] | None) -> t.Any:
    """Return the policy as an object, None if there is none or if it is not JSON."""
    try:
        return None if answer is None else parse_json(answer.get("Policy", ""))
    except ValueError:
        return None
