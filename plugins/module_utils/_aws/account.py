# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of the credentials: looked up only where no account is given, and confirmed only before something would be
created in the wrong one.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account_ids import check_account_id
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError


def account_of(aws: Aws, given: t.Optional[str]) -> str:
    """The account ID given, or that of the credentials (one GetCallerIdentity). Raises IrsaError."""
    if given:
        check_account_id(given)
        return given
    try:
        return _caller_account(aws)
    except CallFailed as failure:
        if failure.unsupported:
            raise IrsaError(
                f"{failure} This endpoint cannot say whose credentials these are. Set the option account_id."
            ) from None
        raise


def _caller_account(aws: Aws) -> str:
    """The account of the credentials, looked up once a run."""
    if aws.caller_account is None:
        identity = aws.call("sts", "GetCallerIdentity", "the credentials") or {}
        aws.caller_account = str(identity["Account"])
    return aws.caller_account


def is_of_another(aws: Aws, account_id: str) -> bool:
    """Whether the credentials are known to belong to another account than this one (one GetCallerIdentity at most)."""
    try:
        return _caller_account(aws) != account_id
    except CallFailed:
        return False


def confirm_account(aws: Aws, service: str, account_id: str, *, given: bool) -> None:
    """Raise IrsaError where an account ID was given that is not the credentials', before something is created there.

    ``service`` is one whose client is in use anyway. Costs one GetCallerIdentity unless the credentials themselves name
    their account, as those of an assumed role do. An endpoint that does not support that call leaves the question open.
    """
    if not given:
        return
    actual = _credentials_account(aws.client(service))
    if actual is None:
        try:
            actual = _caller_account(aws)
        except CallFailed as failure:
            if failure.unsupported or failure.denied:
                return
            raise
    if actual != account_id:
        raise IrsaError(
            f"account_id is {account_id}, but the credentials belong to account {actual}. Nothing was created. Correct "
            f"account_id, or use credentials of account {account_id} (AWS_PROFILE, or assume a role there)."
        )


def _credentials_account(client: t.Any) -> t.Optional[str]:
    # botocore knows it for assumed roles and for profiles with aws_account_id; the attribute has no public accessor.
    signer = getattr(client, "_request_signer", None)
    credentials = getattr(signer, "_credentials", None)
    return getattr(credentials, "account_id", None)
