# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bucket that serves the documents, present, with exactly these paths public."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
    compare_aws_tags,
)

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import permissions
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_policy
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import confirm_account
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_names import check_bucket_name
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import (
    NEW_BUCKET_BLOCK,
    BucketRoom,
    BucketWish,
    Tags,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.plan import Change, Outcome, carry_out

# The only way to public objects in a bucket made since April 2023 is a policy: ACLs stay blocked, public policies must
# not be. https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
WANTED_BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}

# The writes that an account-level block would undo or refuse.
_OPENING = ("PutPublicAccessBlock", "PutBucketPolicy")


@dataclasses.dataclass
class _Present:
    """What is there of a bucket. A facet that was not read, or that a new bucket does not have, is None."""

    block: t.Optional[dict[str, bool]] = None
    policy: t.Optional[bucket_policy.Policy] = None
    tags: t.Optional[Tags] = None
    encryption: t.Optional[str] = None
    versioning: t.Optional[bool] = None
    object_ownership: t.Optional[str] = None


def ensure_present(aws: Aws, wish: BucketWish, check_mode: bool) -> Outcome:
    """Make the bucket, or repair what differs in it. Needs the clients s3, sts and (at AWS) s3control.

    The outcome's values are ``name``, ``region``, ``arn``, ``host``, ``account_id`` and ``created``.
    Raises IrsaError.
    """
    room = PresentBucket(aws, wish)
    return room.outcome(carry_out(aws, room, check_mode))


class PresentBucket(BucketRoom):
    """The room of a bucket that is to be present."""

    def __init__(self, aws: Aws, wish: BucketWish, once_found: t.Callable[[], None] = lambda: None) -> None:
        """``once_found`` is called when the bucket is known to be there, to start other reads in it."""
        if wish.encryption is not None and wish.encryption != "AES256":
            raise IrsaError(
                f"encryption is {wish.encryption!r}. Only AES256 will do: nobody can read a KMS-encrypted object "
                "anonymously, and AWS must."
            )
        check_bucket_name(wish.name, wish.namespace)
        if not wish.public_paths:
            raise IrsaError("public_paths is empty; nobody could read the documents. Leave it out, or name their keys.")
        super().__init__(aws, wish)
        self._once_found = once_found

    def plan(self) -> list[Change]:
        if self.exists():
            self._once_found()
            repairs = self._repairs(self._read())
            if any(change.operation in _OPENING for change in repairs):
                self._refuse_account_block()
            return repairs
        confirm_account(self.aws, "s3", self.account_id, given=self.wish.account_id is not None)
        self._refuse_account_block()
        creation = self._creation()
        # Not every part of S3 knows a bucket the moment it was made.
        repairs = [
            dataclasses.replace(change, repeat=("NoSuchBucket",)) for change in self._repairs(self._new(creation))
        ]
        return [creation] + repairs

    def done(self, change: Change, answer: t.Mapping[str, t.Any]) -> None:
        """Nothing that S3 answers here is in the values."""

    def outcome(self, changes: list[Change]) -> Outcome:
        created = any(change.operation == "CreateBucket" for change in changes)
        return Outcome(changes, {**self.values(), "created": created}, self.warnings, sorted(self.aws.permissions))

    def recheck(self, made: t.Sequence[Change]) -> list[Change]:
        # S3 has no conditional policy write: of two runs that read the same policy the second would undo the first's.
        if not any(change.operation == "PutBucketPolicy" for change in made):
            return []
        return self._policy_change(self._read_policy())

    # --- read

    def _read(self) -> _Present:
        wish = self.wish
        facets = {
            "GetPublicAccessBlock": True,
            "GetBucketPolicy": True,
            "GetBucketTagging": wish.tags is not None,
            "GetBucketEncryption": wish.encryption is not None,
            "GetBucketVersioning": wish.versioning is not None,
            "GetBucketOwnershipControls": wish.object_ownership is not None,
        }
        for operation, wanted in facets.items():
            if wanted:
                self.aws.begin("s3", operation, **self.address)
        return _Present(
            block=self._read_block(),
            policy=self._read_policy(),
            tags=None if wish.tags is None else self._read_tags(),
            encryption=None if wish.encryption is None else self._read_encryption(),
            versioning=None if wish.versioning is None else self._read_versioning(),
            object_ownership=None if wish.object_ownership is None else self._read_ownership(),
        )

    def _read_block(self) -> t.Optional[dict[str, bool]]:
        try:
            answer = self.get("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration")
        except CallFailed as failure:
            if not failure.unsupported:
                raise
            self._warn_unsupported(failure, "public access block")
            return WANTED_BLOCK
        return answer.get("PublicAccessBlockConfiguration")

    def _read_policy(self) -> t.Optional[bucket_policy.Policy]:
        answer = self.get("GetBucketPolicy", "NoSuchBucketPolicy")
        return json.loads(answer["Policy"]) if answer else None

    def _read_tags(self) -> Tags:
        return boto3_tag_list_to_ansible_dict(self.get("GetBucketTagging", "NoSuchTagSet").get("TagSet", []))

    def _read_encryption(self) -> t.Optional[str]:
        answer = self.get("GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError")
        rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        return rules[0].get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") if rules else None

    def _read_versioning(self) -> bool:
        return self.get("GetBucketVersioning").get("Status") == "Enabled"

    def _read_ownership(self) -> t.Optional[str]:
        rules = (
            self.get("GetBucketOwnershipControls", "OwnershipControlsNotFoundError")
            .get("OwnershipControls", {})
            .get("Rules", [])
        )
        return rules[0]["ObjectOwnership"] if rules else None

    def _warn_unsupported(self, failure: CallFailed, what: str) -> None:
        self.warnings.append(f"This endpoint does not know {failure.call}, so its {what} is taken to be as wanted.")

    def _refuse_account_block(self) -> None:
        """Look whether the account forbids public buckets, before anything is made. Only AWS has that call."""
        if not self.place.is_aws:
            return
        try:
            answer = self.aws.call(
                "s3control",
                "GetPublicAccessBlock",
                f"account {self.account_id}",
                absent=("NoSuchPublicAccessBlockConfiguration",),
                AccountId=self.account_id,
            )
        except CallFailed as failure:
            if not failure.denied:
                raise
            self.warnings.append(
                f"Whether account {self.account_id} blocks public access to all its buckets could not be looked up; "
                "the permission "
                "s3:GetAccountPublicAccessBlock is missing. If it does, publishing will fail."
            )
            return
        block = (answer or {}).get("PublicAccessBlockConfiguration", {})
        closed = sorted(name for name, wanted in WANTED_BLOCK.items() if not wanted and block.get(name))
        if closed:
            raise IrsaError(
                f"Account {self.account_id} blocks public access to all its buckets ({', '.join(closed)} at account "
                "level), which wins over any "
                "bucket's own setting. Nothing was made. Have it lifted for this account, or publish from another "
                "account or host."
            )

    # --- plan

    def _creation(self) -> Change:
        wish, location = self.wish, {}
        # us-east-1 is the one region that must not be named, on stores of one's own as on AWS:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        if self.region != "us-east-1":
            location["LocationConstraint"] = self.region
        tagged = bool(wish.tags) and self._tags_at_creation()
        if tagged:
            location["Tags"] = ansible_dict_to_boto3_tag_list(wish.tags)
        params: dict[str, t.Any] = {
            "Bucket": wish.name,
            "ObjectOwnership": wish.object_ownership or "BucketOwnerEnforced",
        }
        if location:
            params["CreateBucketConfiguration"] = location
        if wish.namespace == "account-regional":
            self._require_option("BucketNamespace", "namespace", "1.42.70")
            params["BucketNamespace"] = wish.namespace
        after = {"name": wish.name, "region": self.region, "object_ownership": params["ObjectOwnership"]}
        if tagged:
            after["tags"] = wish.tags
        needs = permissions.needed_to_create_bucket(tagged)
        return Change("s3", "CreateBucket", params, self.on, "bucket", None, after, needs)

    def _create_input(self) -> t.Any:
        return self.aws.client("s3").meta.service_model.operation_model("CreateBucket").input_shape

    def _tags_at_creation(self) -> bool:
        """One call less than PutBucketTagging, where botocore and the endpoint both know it; other stores drop such
        tags silently.
        """
        return self.place.is_aws and "Tags" in self._create_input().members["CreateBucketConfiguration"].members

    def _require_option(self, member: str, option: str, version: str) -> None:
        if member not in self._create_input().members:
            raise IrsaError(
                f"The option {option} needs botocore {version} or newer on the controller; this one is older."
            )

    def _new(self, creation: Change) -> _Present:
        """What a bucket has the moment it was made, at AWS or elsewhere."""
        tags = dict(creation.after.get("tags", {}))
        return _Present(
            block=NEW_BUCKET_BLOCK if self.place.is_aws else None,
            tags=tags,
            encryption="AES256" if self.place.is_aws else None,
            versioning=False,
            object_ownership=creation.after["object_ownership"],
        )

    def _repairs(self, present: _Present) -> list[Change]:
        wish = self.wish
        changes = []
        if present.block != WANTED_BLOCK:
            # Before the policy, since BlockPublicPolicy refuses a public one.
            changes.append(
                self._put(
                    "PutPublicAccessBlock",
                    "public access block",
                    present.block,
                    WANTED_BLOCK,
                    optional=not self.place.is_aws,
                    PublicAccessBlockConfiguration=WANTED_BLOCK,
                )
            )
        changes += self._policy_change(present.policy)
        changes += self._tag_change(present.tags or {})
        if wish.encryption is not None and present.encryption != wish.encryption:
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": wish.encryption}}
            changes.append(
                self._put(
                    "PutBucketEncryption",
                    "encryption",
                    present.encryption,
                    wish.encryption,
                    ServerSideEncryptionConfiguration={"Rules": [rule]},
                )
            )
        if wish.versioning is not None and present.versioning != wish.versioning:
            status = {True: "Enabled", False: "Suspended"}
            changes.append(
                self._put(
                    "PutBucketVersioning",
                    "versioning",
                    status[bool(present.versioning)],
                    status[wish.versioning],
                    VersioningConfiguration={"Status": status[wish.versioning]},
                )
            )
        if wish.object_ownership is not None and present.object_ownership != wish.object_ownership:
            changes.append(
                self._put(
                    "PutBucketOwnershipControls",
                    "object ownership",
                    present.object_ownership,
                    wish.object_ownership,
                    OwnershipControls={"Rules": [{"ObjectOwnership": wish.object_ownership}]},
                )
            )
        return changes

    def _put(
        self, operation: str, facet: str, before: t.Any, after: t.Any, optional: bool = False, **params: t.Any
    ) -> Change:
        return Change("s3", operation, {**self.address, **params}, self.on, facet, before, after, optional=optional)

    def _policy_change(self, present: t.Optional[bucket_policy.Policy]) -> list[Change]:
        wanted = bucket_policy.with_public_paths(
            present, self.place.partition, self.wish.name, self.wish.public_paths, self.wish.purge_public_paths
        )
        if wanted == present:
            return []
        # It is read again after the write.
        self.aws.permissions.update(permissions.needed("s3", "GetBucketPolicy"))
        return [self._put("PutBucketPolicy", "policy", present, wanted, Policy=bucket_policy.as_json(wanted))]

    def _tag_change(self, present: Tags) -> list[Change]:
        if self.wish.tags is None:
            return []
        to_set, to_unset = compare_aws_tags(present, self.wish.tags, self.wish.purge_tags)
        if not to_set and not to_unset:
            return []
        # PutBucketTagging replaces the whole set, AWS's own aws:* tags included, which it wants to see again as they
        # were.
        wanted = {name: value for name, value in {**present, **to_set}.items() if name not in to_unset}
        if not wanted:
            return [self._put("DeleteBucketTagging", "tags", present, wanted)]
        return [
            self._put(
                "PutBucketTagging", "tags", present, wanted, Tagging={"TagSet": ansible_dict_to_boto3_tag_list(wanted)}
            )
        ]
