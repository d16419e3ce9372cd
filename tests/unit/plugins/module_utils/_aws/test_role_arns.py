# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What counts as the ARN of a role: at AWS, at Ceph, and what only looks like one."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.role_arns import is_role_arn, parse_role_arn

ROLE = "arn:aws:iam::111122223333:role/cart"


@pytest.mark.parametrize(
    ("arn", "parts"),
    [
        (ROLE, ("aws", "111122223333", "cart")),
        ("arn:aws-us-gov:iam::111122223333:role/cart@shop", ("aws-us-gov", "111122223333", "cart@shop")),
        ("arn:aws-iso-b:iam::111122223333:role/cart", ("aws-iso-b", "111122223333", "cart")),
        # A path may have characters that a name may not.
        ("arn:aws:iam::111122223333:role/a/b!/cart", ("aws", "111122223333", "cart")),
        ("arn:aws:iam::RGW12345678901234567:role/cart", ("aws", "RGW12345678901234567", "cart")),
    ],
)
def test_the_arn_of_a_role_has_parts(arn, parts):
    assert is_role_arn(arn) and parse_role_arn(arn) == parts


@pytest.mark.parametrize("account_id", ["ACCOUNT", "1111", "RGW1"])
def test_an_account_of_an_unknown_form_is_told_but_is_none_of_a_role(account_id):
    arn = f"arn:aws:iam::{account_id}:role/cart"
    assert not is_role_arn(arn) and parse_role_arn(arn).account_id == account_id


@pytest.mark.parametrize(
    "text",
    [
        *("", "cart", f"{ROLE} ", f"{ROLE}\n", f"{ROLE}/", "arn:aws:iam::111122223333:role/"),
        *("arn:aws:iam::111122223333:user/cart", "arn:aws:iam::111122223333:role/käse"),
        *("arn:aws:iam::<account ID>:role/cart", "arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:role/cart"),
    ],
)
def test_another_text_is_none(text):
    assert not is_role_arn(text) and parse_role_arn(text) is None
