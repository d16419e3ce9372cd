# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The form of a role's ARN, at AWS and at other stores."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account_ids import is_account_id

# Characters of path and name: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
_ROLE_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z0-9-]*):iam::(?P<account_id>[A-Za-z0-9]+):role/(?:[\x21-\x7e]*/)?(?P<name>[\w+=,.@-]+)",
    re.ASCII,
)


class RoleArn(t.NamedTuple):
    """The parts of a role's ARN; the name is without the path."""

    partition: str
    account_id: str
    name: str


def parse_role_arn(text: str) -> RoleArn | None:
    """Return the parts of a role's ARN, whatever form its account ID has; None for another text."""
    match = _ROLE_ARN.fullmatch(text)
    return RoleArn(**match.groupdict()) if match else None


def is_role_arn(text: str) -> bool:
    """Whether a text is the ARN of a role with an account ID of a known form, and not that of a placeholder."""
    parsed = parse_role_arn(text)
    return parsed is not None and is_account_id(parsed.account_id)
