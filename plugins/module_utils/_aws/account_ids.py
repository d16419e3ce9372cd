# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The form of account IDs."""

from __future__ import annotations

import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# AWS: twelve digits. Ceph: the letters RGW and 17 digits.
_ACCOUNT_ID = re.compile(r"[0-9]{12}|RGW[0-9]{17}")


def is_account_id(text: str) -> bool:
    return bool(_ACCOUNT_ID.fullmatch(text))


def account_in(arn: str) -> str:
    """Return the account ID in an ARN, whatever its form; empty if there is none."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) > 5 else ""


def check_account_id(account_id: str, option: str = "account_id") -> None:
    """Raise IrsaError unless the text is an account ID."""
    if not is_account_id(account_id):
        raise IrsaError(
            f"{option} is {quoted(account_id)}; an AWS account ID has twelve digits. Put it in quotes, or YAML drops "
            "leading zeros."
        )
