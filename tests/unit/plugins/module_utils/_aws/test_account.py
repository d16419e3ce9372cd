# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account: given, looked up, or compared with the credentials' before something is created."""

from __future__ import annotations

import pytest
from botocore.credentials import Credentials

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import (
    account_of,
    check_account_id,
    confirm_account,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT

OTHER = "999999999999"
LOOK_UP = "sts:GetCallerIdentity"


@pytest.mark.parametrize("account_id", ["123456789012", "000000000001", "RGW12345678901234567"])
def test_valid_account_ids_are_accepted(account_id):
    check_account_id(account_id)


@pytest.mark.parametrize(
    "account_id",
    [
        "",
        "12345678901",
        "1234567890123",
        "12345678901a",
        "123456789012\n",
        " 123456789012",
        "RGW1",
        "１２３４５６７８９０１２",
    ],
)
def test_an_invalid_account_id_is_refused_naming_the_option(account_id):
    with pytest.raises(IrsaError) as caught:
        check_account_id(account_id, "bucket_account_id")
    assert str(caught.value).startswith(f"bucket_account_id is {account_id!r}")
    assert "quotes" in str(caught.value)


class TestAccountOf:
    def test_a_given_account_is_not_looked_up(self, aws, fake_aws):
        assert account_of(aws, OTHER) == OTHER
        assert fake_aws.calls == []

    def test_the_account_is_looked_up_once(self, aws, fake_aws):
        assert account_of(aws, None) == account_of(aws, "") == ACCOUNT
        assert fake_aws.calls == [LOOK_UP]  # once in a run

    def test_an_invalid_account_is_refused_before_any_call(self, aws, fake_aws):
        with pytest.raises(IrsaError, match="twelve digits"):
            account_of(aws, "nonsense")
        assert fake_aws.calls == []

    def test_an_endpoint_without_get_caller_identity_leads_to_the_option_account_id(self, aws, fake_aws):
        fake_aws.fail(LOOK_UP, "MethodNotAllowed", 405)
        with pytest.raises(IrsaError, match="Set account_id"):
            account_of(aws, None)
        fake_aws.fail(LOOK_UP, "MethodNotAllowed", 405)
        with pytest.raises(IrsaError, match="Set bucket_account_id"):
            account_of(aws, None, "bucket_account_id")

    def test_other_failures_of_the_account_look_up_are_raised(self, aws, fake_aws):
        fake_aws.fail(LOOK_UP, "ExpiredToken", 403)
        with pytest.raises(CallFailed, match="expired"):
            account_of(aws, None)


class TestConfirmAccount:
    def test_an_account_that_was_not_given_is_not_confirmed(self, aws, fake_aws):
        confirm_account(aws, "iam", ACCOUNT, given=False)
        assert fake_aws.calls == []

    def test_the_account_of_the_credentials_is_confirmed(self, aws, fake_aws):
        confirm_account(aws, "iam", ACCOUNT, given=True)
        assert fake_aws.calls == [LOOK_UP]

    def test_credentials_of_another_account_do_not_confirm_the_account(self, aws):
        with pytest.raises(IrsaError) as caught:
            confirm_account(aws, "iam", OTHER, given=True)
        assert (
            OTHER in str(caught.value) and ACCOUNT in str(caught.value) and "Nothing was created" in str(caught.value)
        )

    def test_credentials_that_name_their_account_need_no_call(self, aws, fake_aws, monkeypatch):
        signer = fake_aws.clients["iam"]._request_signer
        monkeypatch.setattr(signer, "_credentials", Credentials("AKID", "secret", account_id=ACCOUNT))
        confirm_account(aws, "iam", ACCOUNT, given=True)
        with pytest.raises(IrsaError, match=OTHER):
            confirm_account(aws, "iam", OTHER, given=True)
        assert fake_aws.calls == []

    @pytest.mark.parametrize(("code", "status"), [("MethodNotAllowed", 405), ("AccessDenied", 403)])
    def test_an_account_that_cannot_be_looked_up_is_accepted(self, aws, fake_aws, code, status):
        fake_aws.fail(LOOK_UP, code, status)
        confirm_account(aws, "iam", OTHER, given=True)

    def test_other_failures_of_the_account_confirmation_are_raised(self, aws, fake_aws):
        fake_aws.fail(LOOK_UP, "InvalidClientTokenId", 403)
        with pytest.raises(CallFailed):
            confirm_account(aws, "iam", ACCOUNT, given=True)
