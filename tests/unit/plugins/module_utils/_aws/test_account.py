# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose account it is: said, looked up, or compared before something is made in the wrong one."""

from __future__ import annotations

import pytest
from botocore.credentials import Credentials

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import (
    account_of,
    check_account_id,
    confirm_account,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT

OTHER = "999999999999"
LOOK_UP = "sts:GetCallerIdentity"


@pytest.fixture
def aws(fake_aws):
    return Aws(fake_aws.clients)


@pytest.mark.parametrize("account_id", ["123456789012", "000000000001", "RGW12345678901234567"])
def test_takes_account_ids(account_id):
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
def test_refuses_others_by_the_options_name(account_id):
    with pytest.raises(IrsaError) as caught:
        check_account_id(account_id, "bucket_account_id")
    assert str(caught.value).startswith(f"bucket_account_id is {account_id!r}")
    assert "quotes" in str(caught.value)


class TestAccountOf:
    def test_believes_what_was_said(self, aws, fake_aws):
        assert account_of(aws, OTHER) == OTHER
        assert fake_aws.calls == []

    def test_looks_up_what_was_not(self, aws, fake_aws):
        assert account_of(aws, None) == account_of(aws, "") == ACCOUNT
        assert fake_aws.calls == [LOOK_UP]  # once for all rooms of a run

    def test_refuses_nonsense_before_any_call(self, aws, fake_aws):
        with pytest.raises(IrsaError, match="twelve digits"):
            account_of(aws, "nonsense")
        assert fake_aws.calls == []

    def test_names_the_option_where_an_endpoint_cannot_say(self, aws, fake_aws):
        fake_aws.fail(LOOK_UP, "MethodNotAllowed", 405)
        with pytest.raises(IrsaError, match="Set the option account_id"):
            account_of(aws, None)

    def test_gives_other_failures_on(self, aws, fake_aws):
        fake_aws.fail(LOOK_UP, "ExpiredToken", 403)
        with pytest.raises(CallFailed, match="expired"):
            account_of(aws, None)


class TestConfirmAccount:
    def test_asks_nothing_where_nothing_was_said(self, aws, fake_aws):
        confirm_account(aws, "iam", ACCOUNT, given=False)
        assert fake_aws.calls == []

    def test_accepts_the_credentials_own(self, aws, fake_aws):
        confirm_account(aws, "iam", ACCOUNT, given=True)
        assert fake_aws.calls == [LOOK_UP]

    def test_refuses_another(self, aws):
        with pytest.raises(IrsaError) as caught:
            confirm_account(aws, "iam", OTHER, given=True)
        assert (
            OTHER in str(caught.value) and ACCOUNT in str(caught.value) and "Nothing was created" in str(caught.value)
        )

    def test_asks_nobody_where_the_credentials_say_it(self, aws, fake_aws, monkeypatch):
        signer = fake_aws.clients["iam"]._request_signer
        monkeypatch.setattr(signer, "_credentials", Credentials("AKID", "secret", account_id=ACCOUNT))
        confirm_account(aws, "iam", ACCOUNT, given=True)
        with pytest.raises(IrsaError, match=OTHER):
            confirm_account(aws, "iam", OTHER, given=True)
        assert fake_aws.calls == []

    @pytest.mark.parametrize(("code", "status"), [("MethodNotAllowed", 405), ("AccessDenied", 403)])
    def test_leaves_the_question_open_where_nobody_can_answer(self, aws, fake_aws, code, status):
        fake_aws.fail(LOOK_UP, code, status)
        confirm_account(aws, "iam", OTHER, given=True)

    def test_gives_other_failures_on(self, aws, fake_aws):
        fake_aws.fail(LOOK_UP, "InvalidClientTokenId", 403)
        with pytest.raises(CallFailed):
            confirm_account(aws, "iam", ACCOUNT, given=True)
