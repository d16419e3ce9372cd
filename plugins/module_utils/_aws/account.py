# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of the credentials: looked up only if none is given, and confirmed only before something is created."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account_ids import check_account_id
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError


def account_of(aws: Aws, given: str | None, option: str = "account_id (irsa_issuer_account_id)") -> str:
    """Return the given account ID, else that of the credentials (one GetCallerIdentity).

    Raises IrsaError, which names the ``option`` for the ID if the endpoint does not know that call.
    """
    if given:
        check_account_id(given)
        return given
    try:
        return _caller_account(aws)
    except CallFailed as failure:
        if failure.unsupported:
            raise IrsaError(
                f"{failure} This endpoint does not report the account of credentials. Set {option}."
            ) from None
        raise


def _caller_account(aws: Aws) -> str:
    """Return the account of the credentials, looked up once in a run. Raises CallFailed."""
    if aws.caller_account is None:
        identity = aws.call("sts", "GetCallerIdentity", "the credentials") or {}
        aws.caller_account = str(identity["Account"])
    return aws.caller_account


def is_other_account(aws: Aws, account_id: str) -> bool:
    """Return whether an account is known not to be that of the credentials (at most one GetCallerIdentity)."""
    try:
        return _caller_account(aws) != account_id
    except CallFailed:
        return False


def known_account(aws: Aws, service: str) -> str | None:
    """Return the account of the credentials; None if the endpoint does not support that call, or denies it.

    ``service`` is one whose client is in use anyway. Needs one GetCallerIdentity unless the credentials name their
    account, like those of an assumed role.
    """
    named = _credentials_account(aws.client(service))
    if named is not None:
        return named
    try:
        return _caller_account(aws)
    except CallFailed as failure:
        if failure.unsupported or failure.denied:
            return None
        raise


def confirm_account(aws: Aws, service: str, account_id: str, *, given: bool) -> None:
    """Raise IrsaError if ``account_id`` was given and is known not to be the account of the credentials."""
    if not given:
        return
    actual = known_account(aws, service)
    if actual is not None and actual != account_id:
        raise IrsaError(
            f"account_id is {account_id}, but the credentials belong to account {actual}. Nothing was created. Correct "
            f"account_id, or use credentials of account {account_id} (AWS_PROFILE, or assume a role there)."
        )


def _credentials_account(client: t.Any) -> str | None:
    # botocore knows it for assumed roles and for profiles with aws_account_id, but has no public accessor for it.
    signer = getattr(client, "_request_signer", None)
    credentials = getattr(signer, "_credentials", None)
    return getattr(credentials, "account_id", None)
