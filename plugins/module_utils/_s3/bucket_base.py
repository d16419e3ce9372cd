# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bucket and whose it is: what making one, deleting one and looking at one have in common."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import account_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_names import check_bucket_name
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import object_keys
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import Place, place_of

Tags = t.Dict[str, str]

# https://aws.amazon.com/about-aws/whats-new/2022/12/amazon-s3-automatically-enable-block-public-access-disable-access-control-lists-buckets-april-2023/
NEW_BUCKET_BLOCK = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


@dataclasses.dataclass(frozen=True)
class BucketWish:
    """What is wanted of a bucket. None for ``tags``, ``encryption``, ``versioning`` and ``object_ownership``: not
    looked at.
    """

    name: str
    region: t.Optional[str] = None
    account_id: t.Optional[str] = None
    public_paths: t.Sequence[str] = object_keys(None)
    purge_public_paths: bool = False
    tags: t.Optional[Tags] = None
    purge_tags: bool = False
    encryption: t.Optional[str] = None
    versioning: t.Optional[bool] = None
    object_ownership: t.Optional[str] = None
    namespace: t.Optional[str] = None


def look(aws: Aws, wish: BucketWish, required: bool = False, private: bool = False) -> dict[str, t.Any]:
    """Where the bucket is or would be, and whether it ``exists``.

    Raises IrsaError where it is another's or elsewhere; where it is missing and ``required``; and where it is to be
    ``private`` and does not block all public access.
    """
    room = BucketRoom(aws, wish)
    exists = room.exists()
    if required and not exists:
        raise room.missing()
    if private and exists and not room.blocks_public_access():
        raise IrsaError(
            f"The bucket {wish.name} does not block all public access, so it is no place for a private key. Turn all "
            "four "
            "settings of Block Public Access on, or choose another bucket."
        )
    return {"exists": exists, **room.values()}


class BucketRoom:
    """What making and deleting a bucket have in common."""

    def __init__(self, aws: Aws, wish: BucketWish) -> None:
        check_bucket_name(wish.name, "any")
        self.warnings: list[str] = []
        self.aws = aws
        self.wish = wish
        self.place: Place = place_of(aws.client("s3"))
        self.on = f"bucket {wish.name}"
        self.account_id = account_of(aws, wish.account_id)

    def values(self) -> dict[str, t.Any]:
        return {
            "name": self.wish.name,
            "region": self.region,
            "arn": f"arn:{self.place.partition}:s3:::{self.wish.name}",
            "host": self.place._replace(region=self.region).bucket_host(self.wish.name),
            "account_id": self.account_id,
        }

    @property
    def region(self) -> str:
        return self.wish.region or self.place.region

    @property
    def address(self) -> dict[str, str]:
        """The bucket's name and owner, as every call on it takes them: a name that somebody else took meanwhile is
        never used.
        """
        return {"Bucket": self.wish.name, "ExpectedBucketOwner": self.account_id}

    def get(self, operation: str, *absent: str) -> dict[str, t.Any]:
        """The answer of a call that reads something of the bucket, empty where that is not there."""
        return self.aws.call("s3", operation, self.on, absent=absent, **self.address) or {}

    def missing(self) -> IrsaError:
        """That the bucket should be there already."""
        return IrsaError(
            f"The bucket {self.wish.name} does not exist in account {self.account_id}. Whoever manages it has to make "
            "it first."
        )

    def blocks_public_access(self) -> bool:
        """Whether all four settings of Block Public Access are on."""
        answer = self.get("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration")
        return answer.get("PublicAccessBlockConfiguration") == NEW_BUCKET_BLOCK

    def begin(self) -> None:
        """Start looking whether the bucket is there, beside other reads."""
        self.aws.begin("s3", "HeadBucket", **self.address)

    def exists(self) -> bool:
        """Whether the bucket is there, ours and in the wanted region; raises IrsaError where it is another's or
        elsewhere.
        """
        try:
            head = self.aws.call("s3", "HeadBucket", self.on, absent=("404", "NoSuchBucket"), **self.address)
        except CallFailed as failure:
            if failure.denied:
                raise IrsaError(
                    f"The bucket {self.wish.name} exists and is not account {self.account_id}'s, or the credentials "
                    "lack the permission s3:ListBucket on it, or are not valid; S3 answers all three alike. Bucket "
                    "names are shared by all accounts: choose another name, or give the owner's account ID.",
                    call=failure.call,
                    missing_permissions=["s3:ListBucket"],
                ) from None
            if failure.status == 301 or failure.code in ("301", "PermanentRedirect"):
                raise IrsaError(
                    f"The bucket {self.wish.name} sits in another region than {self.region}. Give its own region."
                ) from None
            raise
        if head is None:
            return False
        headers = head.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        actual = head.get("BucketRegion") or headers.get("x-amz-bucket-region")
        if self.place.is_aws and actual and actual != self.region:
            raise IrsaError(
                f"The bucket {self.wish.name} sits in {actual}, not in {self.region}. Give the region {actual}, or "
                "another name."
            )
        return True
