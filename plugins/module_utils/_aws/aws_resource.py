# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the resources at AWS have in common for the reconcile loop."""

from __future__ import annotations

import abc
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome


class AwsResource(abc.ABC):
    """A resource that is changed by API calls. A subclass plans them, and overrides what is different for it."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.warnings: list[str] = []

    @abc.abstractmethod
    def values(self, changes: t.Sequence[ApiCall] = ()) -> dict[str, t.Any]:
        """Return what the module returns in addition to these changes."""

    def after_write(self, change: ApiCall, answer: t.Mapping[str, t.Any]) -> None:  # noqa: B027  # most need none
        """Most answers say nothing that is in the values."""

    # Most writes have a condition, or name what they add or remove, so that there is nothing to look at again.

    def before_write(self, change: ApiCall) -> ApiCall | None:
        return change

    def recheck(self, made: t.Sequence[ApiCall]) -> list[ApiCall]:
        return []

    def overwritten(self) -> list[ApiCall]:
        return []

    def outcome(self, changes: list[ApiCall]) -> Outcome[ApiCall]:
        return Outcome(
            changes=changes,
            values=self.values(changes),
            warnings=self.warnings,
            permissions=sorted(self.aws.permissions),
        )
