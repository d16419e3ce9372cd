# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An AWS API call as a change: planned, shown in the diff, and made by ``Aws.write``."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import permissions
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Change


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApiCall(Change):
    """A write by one API call.

    ``iam_actions`` are the IAM actions that it needs, if they are not those of the call's name. After an error of
    ``done_codes`` another process has done it already; after one of ``retry_codes`` the call is made again.
    """

    service: str
    operation: str
    params: t.Mapping[str, t.Any]
    iam_actions: tuple[str, ...] | None = None
    done_codes: tuple[str, ...] = ()
    retry_codes: tuple[str, ...] = ()

    @property
    def action(self) -> str:
        return f"{self.service}:{self.operation}"

    @property
    def permissions(self) -> tuple[str, ...]:
        """The IAM actions that the call needs."""
        return permissions.needed(self.service, self.operation) if self.iam_actions is None else self.iam_actions
