# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A setting of a bucket that several processes write parts of: its policy, its tags.

S3 replaces such a setting as a whole, and it has no condition for that as it has for objects. Between the read that a
write is based on and the write itself, another process may write, and what it wrote is lost. So:

- A write is based on a read right before it, which must agree with the read before: S3 may answer with an old value
  for a moment (https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel).
- Two more reads are sent with the write, one just ahead of it, to see what was written after the first.
- Everything that is read is compared with what was known before. A value that has something new and lacks something
  that was there comes from a writer that did not know of it, so it is written again. A value that only lacks
  something comes from a writer that removed it.
- No write is later than MAX_AGE seconds after its read. A process that read before our write has therefore written
  when that time has passed after it. Only then the setting is read for the last time. As each writer keeps what it
  has read, and looks after it, what others had written before stays, too.
"""

from __future__ import annotations

import random
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Read
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import Bucket
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import Parts, Setting

# From a read to the answer of the write that is based on it, in seconds. It takes two round trips.
MAX_AGE = 2.0

# How often a value is read until two reads agree, and how often one that is as if our write had not been made, which
# may be an old answer, before it is written again.
_MAX_READS = 6
_MAX_OLD_ANSWERS = 3


class SharedSetting:
    """One such setting of a bucket, and what this run knows of it."""

    def __init__(self, bucket: Bucket, setting: Setting, parts: Parts) -> None:
        self.setting = setting
        self.parts = parts
        self.writes = 0
        self._warnings: list[str] = []
        self._bucket = bucket
        # What the next write is based on, when it was read, and how long that took.
        self._base: t.Any = None
        self._base_at = 0.0
        self._read_seconds = 0.0
        self._companions: list[Read] = []
        self._written: t.Any = None
        self._written_at = 0.0
        self._may_be_overwritten = False
        # The parts that were known last, and those that a writer who did not know of them has overwritten.
        self._known: dict[str, t.Any] | None = None
        self._lost: dict[str, t.Any] = {}
        self._restored: set[str] = set()

    @property
    def lost_something(self) -> bool:
        """Whether something was overwritten that is to be written again."""
        return bool(self._lost)

    @property
    def warnings(self) -> list[str]:
        """What a user should know of other processes."""
        if not self._restored:
            return self._warnings
        put_back = (
            f"Several processes wrote the {self.setting.name} of {self._bucket.target} at the same time. This run has "
            f"put back what was overwritten: {listed(sorted(self._restored))}."
        )
        return [*self._warnings, put_back]

    def restored(self, value: t.Any) -> t.Any:
        """Return a value with what was overwritten."""
        present = self.parts.of(value) if self._lost else {}
        missing = {name: part for name, part in self._lost.items() if name not in present}
        return self.parts.added(value, missing) if missing else value

    def difference(self, value: t.Any, other: t.Any) -> str:
        """Return the names of the parts of a value that another value lacks."""
        others = self.parts.of(other)
        return listed(name for name, part in self.parts.of(value).items() if others.get(name) != part)

    def _note(self, value: t.Any) -> None:
        """Compare a value with what was known before."""
        parts = self.parts.of(value)
        known = parts if self._known is None else self._known
        if parts.keys() - known.keys():
            self._lost.update(known)
        self._lost = {name: part for name, part in self._lost.items() if name not in parts}
        self._known = parts

    # --- a write

    def value_to_change(self, planned: t.Any) -> t.Any:
        """Return the value that a write must be based on: two reads agree on it. The plan has read ``planned``."""
        if self._known is None:
            self._note(planned)
        value = self.read()
        for attempt in range(_MAX_READS):
            if value == planned:
                break
            time.sleep(random.uniform(0, 0.05 * 2**attempt))
            value, planned = self.read(), value
        return value

    def read(self) -> t.Any:
        """Read the value, as one that a write may be based on."""
        self._base_at = time.monotonic()
        self._base = self._bucket.read(self.setting)
        self._read_seconds = time.monotonic() - self._base_at
        self._note(self._base)
        return self._base

    def accompany(self) -> bool:
        """Send the reads that accompany the write, which must follow at once.

        Returns False if the value that the write is based on has become too old.
        """
        self._companions = [self._bucket.read_of(self.setting).start()]
        # It must arrive first, but not so early that another process could write and also check in between.
        time.sleep(self._read_seconds / 4)
        if time.monotonic() - self._base_at > MAX_AGE / 4:
            return False
        # This one sees still more if it arrives before the write, which is likely but not certain.
        self._companions.append(self._bucket.read_of(self.setting).start())
        return True

    @property
    def is_accompanied(self) -> bool:
        """Whether a read was sent with the last write."""
        return bool(self._companions)

    def not_answered(self, attempted: t.Any) -> None:
        """Note that a write may have been made although its answer was lost, or was a conflict with another one."""
        self._written, self._written_at = attempted, time.monotonic()
        self._may_be_overwritten = True
        self._companions = []

    def written(self, before: t.Any, after: t.Any) -> None:
        """Note that a write was answered."""
        self._written, self._written_at = after, time.monotonic()
        self.writes += 1
        self._may_be_overwritten = True
        self._restored.update(name for name in self._lost if name in self.parts.of(after))
        if self._companions:
            self._warn_if_late()
        else:  # a new bucket, in which nothing was read
            self._base = before
        seen: dict[str, t.Any] = {}
        for read in self._companions:
            seen.update(self.parts.of(self._bucket.parse(self.setting, read.result())))
        self._companions = []
        known = {*self.parts.of(before), *self.parts.of(after)}
        self._lost = {name: part for name, part in seen.items() if name not in known}
        self._known = self.parts.of(after)

    def _warn_if_late(self) -> None:
        seconds = self._written_at - self._base_at
        if seconds > MAX_AGE:
            self._warnings.append(
                f"Writing the {self.setting.name} of {self._bucket.target} took {seconds:.1f} s. What another process "
                "wrote to it in that time may be lost. If there was one, check its result."
            )

    # --- after the writes

    @property
    def awaits_look(self) -> bool:
        """Whether a write may have been overwritten since it was made, as far as this run knows."""
        return self._may_be_overwritten

    def look_again(self, is_complete: t.Callable[[t.Any], bool], seconds: float = MAX_AGE) -> t.Any:
        """Read the value again when no write that is based on a read before ours can still come, and return it."""
        self._may_be_overwritten = False
        for dummy in range(_MAX_OLD_ANSWERS):
            self._wait_until(self._written_at + seconds * random.uniform(1, 1.3))
            value = self._bucket.read(self.setting)
            if is_complete(value) or value != self._base:
                break
            seconds += MAX_AGE / 4
        self._note(value)
        return value

    def warn_of_removals(self, value: t.Any) -> None:
        """Warn of parts of what was written last that a value lacks."""
        present = self.parts.of(value)
        gone = [name for name in self.parts.of(self._written) if name not in present]
        if gone:
            self._warnings.append(
                f"After this run had written the {self.setting.name} of {self._bucket.target}, another process removed "
                f"{listed(gone)}. If that was not intended, put it back."
            )

    def is_as_written(self, value: t.Any) -> bool:
        """Whether a value is the one that this run wrote last."""
        return bool(value == self._written)

    @staticmethod
    def _wait_until(moment: float) -> None:
        pause = moment - time.monotonic()
        if pause > 0:
            time.sleep(pause)
