# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bucket and who owns it: what creating, deleting and describing a bucket have in common."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import account_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Answer, Aws, Read
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.aws_resource import AwsResource
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import public_paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_names import check_bucket_name
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import (
    NEW_BUCKET_BLOCK,
    PUBLIC_ACCESS_BLOCK,
    BucketSpec,
    Setting,
)


def describe_bucket(aws: Aws, spec: BucketSpec, *, required: bool = False, private: bool = False) -> dict[str, t.Any]:
    """Return the bucket's values, and whether it ``exists``.

    Raises IrsaError if it belongs to another account or is in another region; if it is missing and ``required``; and if
    it must be ``private`` and does not block all public access.
    """
    bucket = Bucket(aws, spec)
    exists = bucket.exists()
    if required and not exists:
        raise bucket.missing()
    if private and exists:
        bucket.require_private()
    return {"exists": exists, **bucket.values()}


class Bucket(AwsResource):
    """A bucket that is only looked at, and the base of those that are changed."""

    def __init__(self, aws: Aws, spec: BucketSpec) -> None:
        """Raises IrsaError for a name that cannot be a bucket's, for public paths that stand for more than documents,
        and if there is no region or account.
        """
        check_bucket_name(spec.name, "any")
        public_paths.check(spec.public_paths)
        super().__init__(aws)
        self.spec = spec
        self.endpoint = endpoint_of(aws.client("s3"))
        self.target = f"bucket {spec.name}"
        self.account_id = account_of(aws, spec.account_id)
        self._head = aws.read("s3", "HeadBucket", self.target, absent_codes=("404", "NoSuchBucket"), **self.id_params)

    def values(self, changes: t.Sequence[ApiCall] = ()) -> dict[str, t.Any]:
        return {
            "name": self.spec.name,
            "region": self.region,
            "arn": f"arn:{self.endpoint.partition}:s3:::{self.spec.name}",
            "host": self.endpoint._replace(region=self.region).bucket_host(self.spec.name),
            "account_id": self.account_id,
        }

    @property
    def region(self) -> str:
        return self.spec.region or self.endpoint.region

    @property
    def creation_has_one_winner(self) -> bool:
        """Whether creating the bucket fails for an account that has it.

        At AWS it does not in us-east-1: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html. Other
        stores differ; Ceph lets the owner create a bucket twice.
        """
        return self.endpoint.is_aws and self.region != "us-east-1"

    @property
    def id_params(self) -> dict[str, t.Any]:
        """The bucket's name and owner, for every call on it.

        A name that another account has taken meanwhile is never used.
        """
        return {"Bucket": self.spec.name, "ExpectedBucketOwner": self.account_id}

    def missing(self) -> IrsaError:
        """Return the error that the bucket should exist already."""
        return IrsaError(
            f"The bucket {self.spec.name} does not exist in account {self.account_id}. Its owner must create it first."
        )

    def read_of(self, setting: Setting) -> Read:
        """Return the read of a setting."""
        absent_codes = (setting.absent_code,) if setting.absent_code else ()
        return self.aws.read("s3", setting.read, self.target, absent_codes=absent_codes, **self.id_params)

    def read(self, setting: Setting) -> t.Any:
        """Return the current value of a setting. Raises IrsaError."""
        return self.parse(setting, self.read_of(setting).result())

    def parse(self, setting: Setting, answer: Answer) -> t.Any:
        """Return the value of a setting from the answer of its read. Raises IrsaError."""
        try:
            return setting.parse(answer or {})
        except Fault as fault:
            raise IrsaError(
                f"The {setting.name} of {self.target} cannot be read: {fault}. Correct or delete it."
            ) from None

    def start(self) -> None:
        """Start looking whether the bucket exists, in parallel with other reads."""
        self._head.start()

    def exists(self) -> bool:
        """Return whether the bucket exists. Raises IrsaError if it is in another account or region."""
        try:
            head = self._head.result()
        except CallFailed as failure:
            raise self._explained(failure) from None
        if head is None:
            return False
        headers = head.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        actual = head.get("BucketRegion") or headers.get("x-amz-bucket-region")
        if self.endpoint.is_aws and actual and actual != self.region:
            raise IrsaError(
                f"The bucket {self.spec.name} is in {actual}, not in {self.region}. Set {called('region')} to "
                f"{actual}, or choose another name."
            )
        return True

    def require_private(self, consequence: str = "") -> None:
        """Raise IrsaError unless the bucket blocks all public access. ``consequence`` is a sentence about it."""
        if self.read(PUBLIC_ACCESS_BLOCK) != NEW_BUCKET_BLOCK:
            raise IrsaError(
                f"The bucket {self.spec.name} does not block all public access, so it must not hold a private key. "
                f"{consequence}{' ' if consequence else ''}Turn on all four settings of Block Public Access, or choose "
                "another bucket."
            )

    def _explained(self, failure: CallFailed) -> IrsaError:
        if failure.denied:
            return IrsaError(
                f"The bucket {self.spec.name} exists and does not belong to account {self.account_id}, or the "
                "credentials lack the permission s3:ListBucket on it, or they are not valid; S3 answers all three "
                "alike. Bucket names are shared by all accounts: choose another name, or give the owner's account ID.",
                call=failure.call,
                missing_permissions=["s3:ListBucket"],
            )
        if failure.status == 301 or failure.code in ("301", "PermanentRedirect"):
            return IrsaError(
                f"The bucket {self.spec.name} is in a region other than {self.region}. Set {called('region')} to the "
                "bucket's own."
            )
        return failure
