# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The desired state of a bucket, and each of its settings in one row: how it is read, compared and written.

A new option is a field of BucketSpec and a row of SETTINGS.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
    compare_aws_tags,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.tags import Tags, refuse_too_many
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import is_policy
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import object_keys
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_policy

# https://aws.amazon.com/about-aws/whats-new/2022/12/amazon-s3-automatically-enable-block-public-access-disable-access-control-lists-buckets-april-2023/
NEW_BUCKET_BLOCK = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)

# The only way to public objects in a bucket created since April 2023 is a policy: ACLs stay blocked, public policies
# must not be. https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
DESIRED_BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class BucketSpec:
    """The desired state of a bucket. None for ``tags``, ``encryption``, ``versioning`` and ``object_ownership`` means
    that they are not managed. ``own_paths`` are documents that the run publishes; ``open_existing``: go on if opening
    the public paths opens more than documents.
    """

    name: str
    region: str | None = None
    account_id: str | None = None
    public_paths: t.Sequence[str] = object_keys(None)
    purge_public_paths: bool = False
    own_paths: t.Sequence[str] = ()
    open_existing: bool = False
    tags: Tags | None = None
    purge_tags: bool = False
    encryption: str | None = None
    versioning: bool | None = None
    object_ownership: str | None = None
    namespace: str | None = None


class Creation(t.NamedTuple):
    """The facts that decide which settings a new bucket has."""

    is_aws: bool
    tags: Tags
    object_ownership: str


class Write(t.NamedTuple):
    """The API call that writes a setting, and its parameters in addition to those that identify the bucket."""

    operation: str
    params: dict[str, t.Any]


class Parts(t.NamedTuple):
    """What several processes put into one setting: its parts in a value, by name, and a value with further parts."""

    of: t.Callable[[t.Any], dict[str, t.Any]]
    added: t.Callable[[t.Any, t.Mapping[str, t.Any]], t.Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting of a bucket.

    ``read`` is the operation that reads it and ``absent_code`` its error if the setting was never made; ``parse`` takes
    the answer, empty for that error, and may raise Fault. ``desired`` gets the spec, the partition and the current
    value. ``show`` is how a value appears in a diff. With an ``option`` the setting is left alone unless that option is
    given. ``unmanaged_elsewhere``: stores other than AWS may lack the setting and then have the desired state anyway.
    ``parts`` is for settings that several processes write parts of: see shared_setting.
    """

    name: str
    read: str
    absent_code: str | None = None
    parse: t.Callable[[t.Mapping[str, t.Any]], t.Any]
    desired: t.Callable[[BucketSpec, str, t.Any], t.Any]
    write: t.Callable[[t.Any], Write]
    at_creation: t.Callable[[Creation], t.Any]
    show: t.Callable[[t.Any], t.Any] = lambda value: value
    option: str | None = None
    unmanaged_elsewhere: bool = False
    parts: Parts | None = None

    def is_managed(self, spec: BucketSpec) -> bool:
        return self.option is None or getattr(spec, self.option) is not None


def _parse_policy(answer: t.Mapping[str, t.Any]) -> bucket_policy.Policy | None:
    if not answer:
        return None
    try:
        policy = parse_json(answer.get("Policy", ""))
    except ValueError:
        raise Fault("it is not JSON") from None
    if not is_policy(policy):
        raise Fault("it is not a list of statements in a JSON object")
    return t.cast(bucket_policy.Policy, policy)


def _desired_policy(spec: BucketSpec, partition: str, current: bucket_policy.Policy | None) -> bucket_policy.Policy:
    arns = [f"arn:{partition}:s3:::{spec.name}/{path}" for path in spec.public_paths]
    try:
        return bucket_policy.with_public_objects(current, arns, purge=spec.purge_public_paths)
    except Fault as fault:
        raise IrsaError(
            f"The policy of bucket {spec.name} is left alone: {fault}. Give that statement another Sid, or remove it, "
            "and run again."
        ) from None


def _desired_tags(spec: BucketSpec, _partition: str, current: Tags) -> Tags:
    # PutBucketTagging replaces the whole set, AWS's own aws:* tags included, which it expects to see again unchanged.
    to_set, to_unset = compare_aws_tags(current, spec.tags, spec.purge_tags)
    tags = {name: value for name, value in {**current, **to_set}.items() if name not in to_unset}
    if to_set:
        refuse_too_many(tags, f"bucket {spec.name}")
    return tags


def _write_tags(tags: Tags) -> Write:
    if not tags:
        return Write("DeleteBucketTagging", {})
    return Write("PutBucketTagging", {"Tagging": {"TagSet": ansible_dict_to_boto3_tag_list(tags)}})


def _parse_encryption(answer: t.Mapping[str, t.Any]) -> str | None:
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    return rules[0].get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") if rules else None


def _write_encryption(algorithm: str) -> Write:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
    return Write("PutBucketEncryption", {"ServerSideEncryptionConfiguration": {"Rules": [rule]}})


def _versioning_status(enabled: bool | None) -> str:
    return "Enabled" if enabled else "Suspended"


def _parse_ownership(answer: t.Mapping[str, t.Any]) -> str | None:
    rules = answer.get("OwnershipControls", {}).get("Rules", [])
    return rules[0].get("ObjectOwnership") if rules else None


PUBLIC_ACCESS_BLOCK = Setting(
    name="public access block",
    read="GetPublicAccessBlock",
    absent_code="NoSuchPublicAccessBlockConfiguration",
    parse=lambda answer: answer.get("PublicAccessBlockConfiguration"),
    desired=lambda spec, partition, current: DESIRED_BLOCK,
    write=lambda block: Write("PutPublicAccessBlock", {"PublicAccessBlockConfiguration": block}),
    at_creation=lambda creation: NEW_BUCKET_BLOCK if creation.is_aws else None,
    unmanaged_elsewhere=True,
)

POLICY = Setting(
    name="policy",
    read="GetBucketPolicy",
    absent_code="NoSuchBucketPolicy",
    parse=_parse_policy,
    desired=_desired_policy,
    write=lambda policy: Write("PutBucketPolicy", {"Policy": bucket_policy.as_json(policy)}),
    at_creation=lambda creation: None,
    parts=Parts(bucket_policy.parts, bucket_policy.with_parts),
)

TAGS = Setting(
    name="tags",
    option="tags",
    read="GetBucketTagging",
    absent_code="NoSuchTagSet",
    parse=lambda answer: boto3_tag_list_to_ansible_dict(answer.get("TagSet", [])),
    desired=_desired_tags,
    write=_write_tags,
    at_creation=lambda creation: creation.tags,
    parts=Parts(dict, lambda tags, added: {**tags, **added}),
)

OWNERSHIP = Setting(
    name="object ownership",
    option="object_ownership",
    read="GetBucketOwnershipControls",
    absent_code="OwnershipControlsNotFoundError",
    parse=_parse_ownership,
    desired=lambda spec, partition, current: spec.object_ownership,
    write=lambda rule: Write(
        "PutBucketOwnershipControls", {"OwnershipControls": {"Rules": [{"ObjectOwnership": rule}]}}
    ),
    at_creation=lambda creation: creation.object_ownership,
)

# The order in which they are written: BlockPublicPolicy, while it is on, refuses a public policy.
SETTINGS: tuple[Setting, ...] = (
    PUBLIC_ACCESS_BLOCK,
    POLICY,
    TAGS,
    Setting(
        name="encryption",
        option="encryption",
        read="GetBucketEncryption",
        absent_code="ServerSideEncryptionConfigurationNotFoundError",
        parse=_parse_encryption,
        desired=lambda spec, partition, current: spec.encryption,
        write=_write_encryption,
        at_creation=lambda creation: "AES256" if creation.is_aws else None,
    ),
    Setting(
        name="versioning",
        option="versioning",
        read="GetBucketVersioning",
        parse=lambda answer: answer.get("Status") == "Enabled",
        desired=lambda spec, partition, current: spec.versioning,
        write=lambda on: Write("PutBucketVersioning", {"VersioningConfiguration": {"Status": _versioning_status(on)}}),
        at_creation=lambda creation: False,
        show=_versioning_status,
    ),
    OWNERSHIP,
)
