# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bucket gone, with the documents in it and with nothing else."""

from __future__ import annotations

import fnmatch
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import BucketRoom, BucketWish
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.plan import Change, Outcome, carry_out

_MOST_LISTED = 10
_DELETED_AT_ONCE = 1000  # the most that DeleteObjects takes


def ensure_absent(aws: Aws, wish: BucketWish, check_mode: bool) -> Outcome:
    """Delete the bucket with the documents that ``wish.public_paths`` name, all versions of them. Raises IrsaError.

    A bucket with any other object in it is refused, with a list.
    """
    room = DoomedBucket(aws, wish)
    return room.outcome(carry_out(aws, room, check_mode))


class DoomedBucket(BucketRoom):
    """The room of a bucket that is to be gone."""

    def plan(self) -> list[Change]:
        if not self.exists():
            return []
        ours, foreign = self._objects()
        if foreign:
            listed = ", ".join(foreign[:_MOST_LISTED]) + (
                f" and {len(foreign) - _MOST_LISTED} more" if len(foreign) > _MOST_LISTED else ""
            )
            raise IrsaError(
                f"The bucket {self.wish.name} holds objects that are not the documents to be removed with it: "
                f"{listed}. Nothing was deleted. "
                "Remove them yourself, or keep the bucket.",
                foreign_objects=foreign[:100],
            )
        changes = []
        for start in range(0, len(ours), _DELETED_AT_ONCE):
            batch = ours[start : start + _DELETED_AT_ONCE]
            keys = sorted({version["Key"] for version in batch})
            params = {**self.address, "Delete": {"Objects": batch, "Quiet": True}}
            changes.append(Change("s3", "DeleteObjects", params, self.on, "documents, all versions", keys, None))
        changes.append(
            Change(
                "s3",
                "DeleteBucket",
                self.address,
                self.on,
                "bucket",
                {"name": self.wish.name, "region": self.region},
                None,
                gone=("NoSuchBucket",),
            )
        )
        return changes

    def done(self, change: Change, answer: t.Mapping[str, t.Any]) -> None:
        # DeleteObjects answers 200 even when it deleted nothing, and lists what it did not.
        for error in answer.get("Errors", []):
            raise IrsaError(
                f"{change.action} could not delete {error.get('Key')} from {self.on}: {error.get('Code')}: "
                f"{error.get('Message')}. "
                f"The credentials need {' and '.join(change.permissions)} there."
            )

    def recheck(self, made: t.Sequence[Change]) -> list[Change]:
        return []

    def outcome(self, changes: list[Change]) -> Outcome:
        return Outcome(changes, {**self.values(), "created": False}, self.warnings, sorted(self.aws.permissions))

    def _objects(self) -> tuple[list[dict[str, str]], list[str]]:
        """Every version and delete marker of our documents, and the keys of everything else."""
        ours, foreign = [], []
        for page in self.aws.pages("s3", "ListObjectVersions", self.on, **self.address):
            for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
                if any(fnmatch.fnmatchcase(version["Key"], pattern) for pattern in self.wish.public_paths):
                    ours.append({"Key": version["Key"], "VersionId": version["VersionId"]})
                elif version["Key"] not in foreign:
                    foreign.append(version["Key"])
        return ours, foreign
