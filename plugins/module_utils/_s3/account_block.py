# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the account forbids public buckets. The most restrictive of the account's and the bucket's settings wins.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import DESIRED_BLOCK


def refuse_account_block(aws: Aws, account_id: str) -> str | None:
    """Raise IrsaError if the account blocks what the documents need. Only AWS has this call (client s3control).

    Returns a warning if the credentials may not look, else None.
    """
    try:
        answer = aws.call(
            "s3control",
            "GetPublicAccessBlock",
            f"account {account_id}",
            absent_codes=("NoSuchPublicAccessBlockConfiguration",),
            AccountId=account_id,
        )
    except CallFailed as failure:
        if not failure.denied:
            raise
        return (
            f"Cannot check whether account {account_id} blocks public access to all its buckets: the credentials lack "
            "the permission s3:GetAccountPublicAccessBlock. If it does, publishing will fail."
        )
    block = (answer or {}).get("PublicAccessBlockConfiguration", {})
    closed = sorted(name for name, desired in DESIRED_BLOCK.items() if not desired and block.get(name))
    if closed:
        raise IrsaError(
            f"Account {account_id} blocks public access to all its buckets ({', '.join(closed)} at account level), "
            "which wins over any bucket's own setting. Nothing was created. Have it lifted for this account, or "
            "publish from another account or host."
        )
    return None
