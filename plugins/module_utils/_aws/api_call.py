# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS API calls as values: what is to be called, and a write that is planned, shown in the diff, and made later."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import permissions
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Change


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """A call of one operation, and its parameters.

    ``iam_actions`` are the IAM actions that it needs, if they are not those of the call's name. After an error of
    ``retry_codes`` the call is made again.
    """

    service: str
    operation: str
    params: t.Mapping[str, t.Any]
    iam_actions: t.Sequence[str] | None = None
    retry_codes: t.Sequence[str] = ()

    @property
    def action(self) -> str:
        """The call as results and messages name it, for example ``s3:PutBucketPolicy``."""
        return f"{self.service}:{self.operation}"

    @property
    def permissions(self) -> t.Sequence[str]:
        """The IAM actions that the call needs."""
        return permissions.needed(self.service, self.operation) if self.iam_actions is None else self.iam_actions


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApiCall(Request, Change):
    """A write by one API call. After an error of ``done_codes`` another process has done it already."""

    done_codes: t.Sequence[str] = ()
