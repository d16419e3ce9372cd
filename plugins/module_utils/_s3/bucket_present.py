# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bucket that serves the documents: created or repaired, with exactly the desired paths public."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.tagging import ansible_dict_to_boto3_tag_list
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import permissions, tags
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import confirm_account
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome, ensure
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import openings
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.account_block import refuse_account_block
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import Bucket
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_names import check_bucket_name
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import (
    OWNERSHIP,
    POLICY,
    PUBLIC_ACCESS_BLOCK,
    SETTINGS,
    TAGS,
    BucketSpec,
    Creation,
    Setting,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.shared_settings import SharedSettings

# The writes that an account-level block would undo or refuse.
_PUBLIC_ACCESS_WRITES = ("PutPublicAccessBlock", "PutBucketPolicy")


def ensure_present(aws: Aws, spec: BucketSpec, check_mode: bool) -> Outcome[ApiCall]:
    """Create the bucket, or repair what differs in it. Needs the clients s3, sts and (at AWS) s3control.

    The outcome's values are ``name``, ``region``, ``arn``, ``host``, ``account_id`` and ``created``. Raises IrsaError.
    """
    outcome = ensure(PresentBucket(aws, spec), aws, check_mode)
    if "." in spec.name:
        outcome.warnings.append(
            f"The bucket name {quoted(spec.name)} has a dot, so S3's certificate does not cover the bucket's own host "
            "name. It can hold the documents of an issuer on another host only."
        )
    return outcome


def creates_bucket(changes: t.Iterable[ApiCall]) -> bool:
    """Return whether one of these changes creates the bucket."""
    return any(change.operation == "CreateBucket" for change in changes)


class PresentBucket(Bucket):
    """The bucket as a resource whose desired state is present."""

    def __init__(self, aws: Aws, spec: BucketSpec, *, once_found: t.Callable[[], None] = lambda: None) -> None:
        """``once_found`` is called when the bucket is known to exist, to start other reads in it. Raises IrsaError."""
        if spec.encryption is not None and spec.encryption != "AES256":
            raise IrsaError(
                f"encryption is {quoted(spec.encryption)}; it must be AES256. AWS reads the documents anonymously, "
                "and KMS refuses anonymous reads."
            )
        check_bucket_name(spec.name, spec.namespace)
        if not spec.public_paths:
            raise IrsaError(
                "public_paths is empty, so no one could read the documents. Leave it out, or name their keys."
            )
        if spec.tags is not None:
            spec = dataclasses.replace(spec, tags=tags.as_text(spec.tags))
        super().__init__(aws, spec)
        self._once_found = once_found
        self._shared = SharedSettings(self, self._change_of)

    def plan(self) -> list[ApiCall]:
        if self.exists():
            self._once_found()
            current = self.current()
            self._shared.found(current)
            try:
                return self._repair(current)
            except openings.OpensMore:
                # A concurrent run may have opened the bucket meanwhile, and not have published its second document yet.
                again = self.current()
                if again == current:
                    raise
                return self._repair(again)
        confirm_account(self.aws, "s3", self.account_id, given=self.spec.account_id is not None)
        self._refuse_account_block()
        creation = self._creation()
        # S3 may answer NoSuchBucket for a moment after a bucket was created.
        changes = [
            dataclasses.replace(change, retry_codes=("NoSuchBucket",))
            for change in self._changes(self._at_creation(creation))
        ]
        return [creation, *changes]

    def values(self, changes: t.Sequence[ApiCall] = ()) -> dict[str, t.Any]:
        return {**super().values(changes), "created": creates_bucket(changes)}

    # --- settings that other processes write at the same time

    def before_write(self, change: ApiCall) -> ApiCall | None:
        return self._shared.before_write(change)

    def after_write(self, change: ApiCall, answer: t.Mapping[str, t.Any]) -> None:
        self._shared.after_write(change)

    def recheck(self, made: t.Sequence[ApiCall]) -> list[ApiCall]:
        return self._shared.recheck()

    def overwritten(self) -> list[ApiCall]:
        try:
            return self._shared.overwritten()
        finally:
            self.warnings += [warning for warning in self._shared.warnings if warning not in self.warnings]

    # --- settings

    def current(self) -> dict[str, t.Any]:
        """Return the current values of all managed settings by their names, read in parallel."""
        started = [(setting, self.read_of(setting).start()) for setting in SETTINGS if setting.is_managed(self.spec)]
        values = {}
        for setting, read in started:
            try:
                values[setting.name] = self.parse(setting, read.result())
            except CallFailed as failure:
                if not (setting.unmanaged_elsewhere and failure.unsupported):
                    raise
                self.warnings.append(
                    f"This endpoint does not support {failure.call}, so its {setting.name} is assumed to be right."
                )
                values[setting.name] = setting.desired(self.spec, self.endpoint.partition, None)
        return values

    def _at_creation(self, creation: ApiCall) -> dict[str, t.Any]:
        """Return the values that all settings have in a new bucket."""
        facts = Creation(self.endpoint.is_aws, creation.after.get("tags", {}), creation.after["object_ownership"])
        return {setting.name: setting.at_creation(facts) for setting in SETTINGS}

    def _repair(self, current: t.Mapping[str, t.Any]) -> list[ApiCall]:
        """Return the changes that an existing bucket needs. Raises IrsaError."""
        changes = self._changes(current)
        if any(change.operation in _PUBLIC_ACCESS_WRITES for change in changes):
            self._refuse_account_block()
            self.warnings += openings.look(self, self._transition(current))
        self._warn_of_acls(changes)
        return changes

    def _changes(self, current: t.Mapping[str, t.Any]) -> list[ApiCall]:
        managed = [setting for setting in SETTINGS if setting.is_managed(self.spec)]
        return [change for setting in managed for change in self._change_of(setting, current[setting.name])]

    def _change_of(self, setting: Setting, current: t.Any) -> list[ApiCall]:
        """Return the write that a setting needs, none if its value is the desired one."""
        base = self._shared.restored(setting, current)
        desired = setting.desired(self.spec, self.endpoint.partition, base)
        if desired == current:
            return []
        if setting.parts:  # it is read again around the write
            self.aws.permissions.update(permissions.needed("s3", setting.read))
        operation, params = setting.write(desired)
        return [
            ApiCall(
                service="s3",
                operation=operation,
                params={**self.id_params, **params},
                target=self.target,
                part=setting.name,
                before=setting.show(current),
                after=setting.show(desired),
                optional=setting.unmanaged_elsewhere and not self.endpoint.is_aws,
            )
        ]

    def _refuse_account_block(self) -> None:
        """Raise IrsaError if the account forbids public buckets, before anything is created."""
        if self.endpoint.is_aws:
            warning = refuse_account_block(self.aws, self.account_id)
            self.warnings += [warning] if warning else []

    def _transition(self, current: t.Mapping[str, t.Any]) -> openings.Transition:
        policy = current[POLICY.name]
        return openings.Transition(
            before=policy,
            after=POLICY.desired(self.spec, self.endpoint.partition, policy),
            # BlockPublicPolicy only refuses new public policies: https://docs.aws.amazon.com/AmazonS3/latest/
            # userguide/access-control-block-public-access.html#access-control-block-public-access-options
            lifts_block=bool((current[PUBLIC_ACCESS_BLOCK.name] or {}).get("RestrictPublicBuckets")),
        )

    def _warn_of_acls(self, changes: t.Iterable[ApiCall]) -> None:
        """Warn if ACLs of others take effect, or no longer do. S3 does not show them while they are off.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
        """
        for change in changes:
            if change.part == OWNERSHIP.name and change.before == "BucketOwnerEnforced":
                self.warnings.append(
                    f"The ACLs that {self.target} and its objects had before ACLs were disabled take effect again, "
                    "except those for everyone where the access block ignores them."
                )
            if change.part == PUBLIC_ACCESS_BLOCK.name and self._ignored_no_acls(change.before):
                self.warnings.append(
                    f"The access block of {self.target} now ignores public ACLs. Objects that were public by their "
                    "ACL no longer are."
                )

    def _ignored_no_acls(self, block: t.Mapping[str, bool] | None) -> bool:
        # Elsewhere a bucket has no block at first, so that nothing follows from its absence.
        return not block.get("IgnorePublicAcls") if block else self.endpoint.is_aws

    # --- creation

    def _creation(self) -> ApiCall:
        spec = self.spec
        location: dict[str, t.Any] = {}
        # us-east-1 is the one region that must not be named, on other stores as on AWS:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        if self.region != "us-east-1":
            location["LocationConstraint"] = self.region
        at_once = spec.tags if spec.tags and self._takes_tags_at_creation() else {}
        if at_once and not self.creation_has_one_winner:
            self.aws.permissions.update(permissions.needed("s3", TAGS.read))
        if at_once:
            location["Tags"] = ansible_dict_to_boto3_tag_list(at_once)
        ownership = spec.object_ownership or "BucketOwnerEnforced"
        params: dict[str, t.Any] = {"Bucket": spec.name, "ObjectOwnership": ownership}
        if location:
            params["CreateBucketConfiguration"] = location
        if spec.namespace == "account-regional":
            self._require_option("BucketNamespace", "namespace", "1.42.70")
            params["BucketNamespace"] = spec.namespace
        after = {"name": spec.name, "region": self.region, "object_ownership": ownership}
        return ApiCall(
            service="s3",
            operation="CreateBucket",
            params=params,
            target=self.target,
            part="bucket",
            after={**after, "tags": at_once} if at_once else after,
            iam_actions=permissions.needed_to_create_bucket(bool(at_once)),
        )

    def _create_input(self) -> t.Any:
        return self.aws.client("s3").meta.service_model.operation_model("CreateBucket").input_shape

    def _takes_tags_at_creation(self) -> bool:
        """Return whether botocore and the endpoint both know tags at creation, which saves PutBucketTagging.

        Other stores drop such tags silently.
        """
        return self.endpoint.is_aws and "Tags" in self._create_input().members["CreateBucketConfiguration"].members

    def _require_option(self, member: str, option: str, version: str) -> None:
        if member not in self._create_input().members:
            raise IrsaError(
                f"The option {option} needs botocore {version} or newer on the controller; this one is older."
            )
