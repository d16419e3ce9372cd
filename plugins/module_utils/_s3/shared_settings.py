# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a bucket that several processes write parts of, in one run, among others that may run now."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import Bucket
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import POLICY, TAGS, Setting
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.shared_setting import MAX_AGE, SharedSetting

# How often one setting is written in a run before it gives up, and how often the read before a write is repeated if the
# write comes too late.
_MAX_WRITES = 10
_MAX_LATE = 3

# When to look whether the creator of a bucket has finished: after pauses that add up to MAX_AGE.
_POLL_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.5, 0.75)


class SharedSettings:
    """What the reconcile loop asks of them.

    ``change_of`` returns the write that a setting needs if its value is the given one, or none.

    A bucket that this run has just created is different: nothing is read before the writes, since a run that finds a
    bucket without a policy waits for its creator. One look at the end shows whether that was so.
    """

    def __init__(self, bucket: Bucket, change_of: t.Callable[[Setting, t.Any], list[ApiCall]]) -> None:
        self._bucket = bucket
        self._change_of = change_of
        self._all = {
            setting.name: SharedSetting(bucket, setting, setting.parts)
            for setting in (POLICY, TAGS)
            if setting.parts and setting.is_managed(bucket.spec)
        }
        self._is_ours = False
        self._attempt: ApiCall | None = None
        self._may_be_half_made = False
        self._creation_began: float | None = None
        # How long creating the bucket and its settings took, if nothing was read in between.
        self._creation_seconds: float | None = None
        # Where two runs can create one bucket, the tags of the second may have been ignored.
        self._tags_are_doubtful = False

    def found(self, current: t.Mapping[str, t.Any]) -> None:
        """Note that the bucket exists, with these values. This may follow a write that was not answered."""
        if self._attempt is not None:
            self._all[self._attempt.part].not_answered(self._attempt.after)
            self._attempt = None
        self._creation_began = None
        self._may_be_half_made = not self._is_ours and current[POLICY.name] is None

    def restored(self, setting: Setting, value: t.Any) -> t.Any:
        """Return the value of a setting with what our last write has lost of others."""
        shared = self._all.get(setting.name)
        return shared.restored(value) if shared else value

    # --- for the reconcile loop

    def before_write(self, change: ApiCall) -> ApiCall | None:
        """Return what is to be written now instead of a planned change; None if another process has written it."""
        if change.operation == "CreateBucket":
            self._creation_began = time.monotonic()
        shared = self._all.get(change.part)
        if shared is None or self._is_just_created():
            return change
        self._let_creator_finish()
        value = change.before
        for dummy in range(_MAX_LATE):
            value = shared.value_to_change(value)
            changes = self._change_of(shared.setting, value)
            if not changes:
                return None
            change = dataclasses.replace(changes[0], retry_codes=change.retry_codes)
            if shared.accompany():
                break
        self._attempt = change
        return change

    @property
    def warnings(self) -> list[str]:
        """Return what a user should know of other processes."""
        return [warning for shared in self._all.values() for warning in shared.warnings]

    def after_write(self, change: ApiCall) -> None:
        """Note an answered write."""
        if change.operation != "CreateBucket":
            self._after_setting(change)
            return
        self._is_ours = True
        if "tags" in change.after and not self._bucket.creation_has_one_winner:
            self._all[TAGS.name].written({}, change.after["tags"])
            self._tags_are_doubtful = True

    def _after_setting(self, change: ApiCall) -> None:
        shared = self._all.get(change.part)
        if shared is None:
            return
        self._attempt = None
        if self._creation_began is not None and not shared.is_accompanied:
            self._creation_seconds = time.monotonic() - self._creation_began
        shared.written(change.before, change.after)

    def recheck(self) -> list[ApiCall]:
        """Return the writes that restore at once what our last writes have lost of others."""
        return [
            change
            for shared in self._all.values()
            if shared.lost_something
            for change in self._change_of(shared.setting, shared.read())
        ]

    def overwritten(self) -> list[ApiCall]:
        """Wait until no one can overwrite our writes unknowingly, and return those that are to be made again.

        Raises IrsaError if that happens again and again.
        """
        return [change for shared in self._all.values() for change in self._overwritten(shared)]

    def _overwritten(self, shared: SharedSetting) -> list[ApiCall]:
        setting = shared.setting
        if not shared.awaits_look:
            return []
        if setting is TAGS and self._creation_seconds is not None and not self._tags_are_doubtful:
            return []  # the policy has shown that no one else was at work
        value = shared.look_again(lambda value: not self._change_of(setting, value), self._seconds_to_wait())
        changes = self._change_of(setting, value)
        if not shared.is_as_written(value):
            self._creation_seconds = None
        if not changes:
            shared.warn_of_removals(value)
        elif shared.writes >= _MAX_WRITES:
            raise IrsaError(
                f"Other processes keep replacing the {setting.name} of {self._bucket.target}: after {shared.writes} "
                f"writes it is again without {shared.difference(changes[0].after, value)}. Run again when they have "
                "ended, or let them keep what they did not write."
            )
        return changes

    # --- a bucket that is being created

    def _is_just_created(self) -> bool:
        """Return whether this run created the bucket so recently that its settings need not be read."""
        return self._creation_began is not None and time.monotonic() - self._creation_began < MAX_AGE

    def _seconds_to_wait(self) -> float:
        """Return after how long a setting is looked at again: in a bucket of our own, when others of our speed that
        believed that they created it have written, too. Only some endpoints let them.
        """
        if self._creation_seconds is None:
            return MAX_AGE
        return 0 if self._bucket.creation_has_one_winner else self._creation_seconds

    def _let_creator_finish(self) -> None:
        """Wait for the policy of a bucket that has none: another run may have just created it.

        That run writes the policy next, without reading it.
        """
        for seconds in _POLL_SECONDS:
            if not self._may_be_half_made or self._bucket.read(POLICY) is not None:
                break
            time.sleep(seconds)
        self._may_be_half_made = False
