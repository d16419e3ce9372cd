# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bucket names by https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_names import check_bucket_name

REGIONAL = "irsa-123456789012-eu-west-1-an"


def refusal(*arguments) -> str:
    with pytest.raises(IrsaError) as caught:
        check_bucket_name(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "abc",
        "irsa-prod",
        "123",
        "a--b",
        "a" * 63,
        "plan-an",
        "x-12345678901-eu-west-1-an",
        "oidc.example.com",
        "a.b",
        "1.2.3",
    ],
)
def test_bucket_names_that_s3_accepts_are_accepted(name):
    check_bucket_name(name)
    check_bucket_name(name, "global")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "has 0 characters"),
        ("ab", "has 2 characters"),
        ("a" * 64, "has 64 characters"),
        ("irsa..prod", "around dots"),
        (".irsa", "around dots"),
        ("irsa.", "around dots"),
        ("irsa-.prod", "around dots"),
        ("192.168.1.1", "IP address"),
        ("Irsa-prod", "upper-case"),
        ("irsa_prod", "lower-case letters, digits and hyphens"),
        ("irsa prod", "lower-case letters, digits and hyphens"),
        ("-irsa", "letter or digit at both ends"),
        ("irsa-", "letter or digit at both ends"),
        ("irsä-prod", "lower-case letters, digits and hyphens"),
        ("irsa-prod\n", "lower-case letters, digits and hyphens"),
        ("irsa/prod", "lower-case letters, digits and hyphens"),
        ("xn--irsa", "reserves"),
        ("sthree-irsa", "reserves"),
        ("amzn-s3-demo-irsa", "reserves"),
        ("irsa-s3alias", "reserves"),
        ("irsa--ol-s3", "reserves"),
        ("irsa--x-s3", "reserves"),
        ("irsa--table-s3", "reserves"),
    ],
    ids=repr,
)
def test_other_bucket_names_are_refused_with_the_reason(name, reason):
    message = refusal(name)
    assert message.startswith(f"The bucket name {name!r} ") and reason in message


def test_bucket_names_of_the_account_regional_namespace_are_recognized():
    check_bucket_name(REGIONAL, "account-regional")
    assert "account-regional namespace" in refusal(REGIONAL)
    assert "account-regional namespace" in refusal(REGIONAL, "global")
    for name in (REGIONAL, "plan-an", "irsa-prod"):
        check_bucket_name(name, "any")
    for name in ("irsa-prod", "irsa-123456789012-an", REGIONAL + "\n"):
        assert refusal(name, "account-regional")


@hypothesis.given(st.text() | st.text(st.sampled_from("az09-.A_\n"), min_size=3, max_size=63))
def test_every_accepted_bucket_name_makes_a_valid_issuer(name):
    try:
        check_bucket_name(name)
    except IrsaError:
        return
    issuer_url.parse(f"https://{name}.s3.eu-west-1.amazonaws.com")
