# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another writer of the same bucket, without this collection. It adds statements and tags, and checks each twice."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

_ABSENT = ("NoSuchBucketPolicy", "NoSuchTagSet", "NoSuchBucket")

# After that time no run writes on the base of what it has read before (docs/reliability.md).
_SETTLED_SECONDS = 2


class OtherWriter:
    """Adds one statement and one tag after the other, and looks at each right after writing it.

    ``statements`` and ``tags`` are those that it saw in place, and ``missing`` counts those of them that were gone when
    it looked again.
    """

    def __init__(self, s3: Any, bucket: str, *, most: int) -> None:
        self.s3 = s3
        self.bucket = bucket
        self.most = most
        self.statements: list[str] = []
        self.tags: list[str] = []
        self.again = 0
        self.missing = 0

    def work_until(self, told: Callable[[], bool]) -> None:
        """Write until told to stop, with pauses that have no rhythm; first wait for the bucket to have a policy."""
        while not told() and not self.policy()["Statement"]:
            time.sleep(0.02)
        while not told() and len(self.tags) < self.most:
            number = len(self.statements)
            self.statements.append(self._until_seen(self._add_statement, self.sids, f"Other{number}"))
            self.tags.append(self._until_seen(self._add_tag, self.tag_keys, f"other-{number}"))
            time.sleep(random.uniform(0, 0.4))

    def look_again(self) -> None:
        """Look at everything once more, and write again what is missing, until a look finds all of it."""
        while True:
            time.sleep(_SETTLED_SECONDS)
            sids, tags = self.sids(), self.tag_keys()
            statements_gone = [sid for sid in self.statements if sid not in sids]
            tags_gone = [tag for tag in self.tags if tag not in tags]
            if not statements_gone and not tags_gone:
                return
            self.missing += len(statements_gone) + len(tags_gone)
            for sid in statements_gone:
                self._until_seen(self._add_statement, self.sids, sid)
            for tag in tags_gone:
                self._until_seen(self._add_tag, self.tag_keys, tag)

    def _until_seen(self, add: Callable[[str], None], present: Callable[[], set[str]], name: str) -> str:
        add(name)
        while name not in present():
            self.again += 1
            time.sleep(random.uniform(0, 0.1))
            add(name)
        return name

    # --- policy

    def policy(self) -> dict[str, Any]:
        answer = self._read(self.s3.get_bucket_policy)
        return dict(json.loads(answer["Policy"])) if answer else {"Version": "2012-10-17", "Statement": []}

    def sids(self) -> set[str]:
        return {statement.get("Sid", "") for statement in self.policy()["Statement"]}

    def _add_statement(self, sid: str) -> None:
        policy = self.policy()
        statement = {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:DeleteObjectTagging",
            "Resource": f"arn:aws:s3:::{self.bucket}/*",
        }
        others = [each for each in policy["Statement"] if each.get("Sid") != sid]
        policy["Statement"] = [*others, statement]
        self._write(self.s3.put_bucket_policy, Policy=json.dumps(policy))

    # --- tags

    def tag_keys(self) -> set[str]:
        answer = self._read(self.s3.get_bucket_tagging)
        return {tag["Key"] for tag in answer["TagSet"]} if answer else set()

    def _add_tag(self, key: str) -> None:
        tags = [{"Key": each, "Value": "here"} for each in {*self.tag_keys(), key}]
        self._write(self.s3.put_bucket_tagging, Tagging={"TagSet": tags})

    def _read(self, read: Callable[..., Any]) -> Any:
        try:
            return read(Bucket=self.bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise

    def _write(self, write: Callable[..., Any], **params: Any) -> None:
        try:
            write(Bucket=self.bucket, **params)
        except ClientError as error:
            # The check that follows finds it missing.
            if error.response["Error"]["Code"] not in ("OperationAborted", *_ABSENT):
                raise
