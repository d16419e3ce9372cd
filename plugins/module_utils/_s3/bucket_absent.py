# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delete a bucket, but only if it holds nothing except the documents and the records of rotations."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import wildcards
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome, ensure
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import object_keys
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import issuer_objects, public_paths, rotation_record
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import Bucket
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import BucketSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_store import MAX_STORED_BYTES, read_of

_DELETED_AT_ONCE = 1000  # the most that DeleteObjects takes
_MAX_IN_RESULT = 100
DEFAULT_PATHS = object_keys(None)


def ensure_absent(aws: Aws, spec: BucketSpec, check_mode: bool) -> Outcome[ApiCall]:
    """Delete the bucket with the documents that ``spec.public_paths`` name, and the records of rotations beside them,
    all versions of them.

    Raises IrsaError, with a list, if the bucket holds any other object. Objects that match a pattern, or have the
    default names of the documents, are deleted only if they are documents of an issuer, or in ``spec.own_paths``.
    """
    return ensure(AbsentBucket(aws, spec), aws, check_mode)


class AbsentBucket(Bucket):
    """The bucket as a resource whose desired state is absent."""

    unexplained: t.AbstractSet[str] = frozenset()

    def plan(self) -> list[ApiCall]:
        if not self.exists():
            return []
        ours, foreign = self._objects()
        if foreign:
            raise IrsaError(
                f"The bucket {self.spec.name} holds objects that are not the documents to be deleted with it: "
                f"{listed(foreign)}. {self._reason()}Nothing was deleted. Remove them yourself, or keep the bucket.",
                foreign_objects=foreign[:_MAX_IN_RESULT],
            )
        batches = [ours[start : start + _DELETED_AT_ONCE] for start in range(0, len(ours), _DELETED_AT_ONCE)]
        return [*map(self._deletion_of_objects, batches), self._deletion()]

    def _deletion_of_objects(self, batch: list[dict[str, str]]) -> ApiCall:
        return ApiCall(
            service="s3",
            operation="DeleteObjects",
            params={**self.id_params, "Delete": {"Objects": batch, "Quiet": True}},
            target=self.target,
            part="documents, all versions",
            before=sorted({version["Key"] for version in batch}),
            item=f"{batch[0]['Key']} {batch[0]['VersionId']}",
        )

    def _deletion(self) -> ApiCall:
        return ApiCall(
            service="s3",
            operation="DeleteBucket",
            params=self.id_params,
            target=self.target,
            part="bucket",
            before={"name": self.spec.name, "region": self.region},
            done_codes=("NoSuchBucket",),
        )

    def after_write(self, change: ApiCall, answer: t.Mapping[str, t.Any]) -> None:
        # DeleteObjects answers 200 even when it deleted nothing, and lists what it did not.
        for error in answer.get("Errors", []):
            message = str(error.get("Message") or "no message").rstrip(".")
            raise IrsaError(
                f"{change.action} could not delete {quoted(error.get('Key'))} from {self.target}: {error.get('Code')}: "
                f"{message}. The credentials need {' and '.join(change.permissions)} there."
            )

    def values(self, changes: t.Sequence[ApiCall] = ()) -> dict[str, t.Any]:
        return {**super().values(changes), "created": False}

    def _objects(self) -> tuple[list[dict[str, str]], list[str]]:
        """Return every version and delete marker of our documents, and the keys of everything else."""
        versions, current = [], set()
        for page in self.aws.pages("s3", "ListObjectVersions", self.target, **self.id_params):
            versions += page.get("Versions", []) + page.get("DeleteMarkers", [])
            current |= {version["Key"] for version in page.get("Versions", []) if version.get("IsLatest", True)}
        self.unexplained = self._unexplained(current)
        records = self._records({version["Key"] for version in versions}, current)
        ours, foreign = [], []
        for version in versions:
            key = version["Key"]
            if key in records or self._is_document(key):
                ours.append({"Key": key, "VersionId": version["VersionId"]})
            elif key not in foreign:
                foreign.append(key)
        return ours, foreign

    def _is_document(self, key: str) -> bool:
        return key not in self.unexplained and any(wildcards.fits(path, key) for path in self.spec.public_paths)

    def _records(self, keys: set[str], current: set[str]) -> set[str]:
        """Return the records of rotations beside our documents. Only the content tells them from objects of others."""
        beside = {key for key in keys if self._is_document(rotation_record.jwks_beside(key) or "")}
        return {key for key in beside if key not in current or self._holds_record(key)}

    def _holds_record(self, key: str) -> bool:
        answer = read_of(self.aws, self.id_params, key, max_body=MAX_STORED_BYTES).result()
        return answer is None or rotation_record.is_record(answer["Body"])

    def _unexplained(self, current: set[str]) -> set[str]:
        """Return the objects that no one has named and that are not documents of an issuer. Raises IrsaError."""
        paths = self.spec.public_paths
        patterns = [path for path in paths if wildcards.is_pattern(path)]
        # The default names are not chosen by anyone, so another program's objects may have them as well.
        named = {path for path in paths if path not in DEFAULT_PATHS} | {*self.spec.own_paths}
        unnamed = sorted(current & {path for path in paths if path in DEFAULT_PATHS} - named)
        try:
            found = issuer_objects.unexplained(self, patterns, known={*named, *unnamed}) if patterns else []
            return {*found, *issuer_objects.unexplained_keys(self, unnamed)}
        except Fault as fault:
            raise IrsaError(
                f"The public paths {listed(patterns)} {fault}, so {self.target} is not deleted. Name the exact keys in "
                f"{public_paths.OPTION}."
            ) from None

    def _reason(self) -> str:
        if not self.unexplained:
            return ""
        return (
            f"No discovery document beside {listed(sorted(self.unexplained))} says that an issuer is at that address. "
        )
