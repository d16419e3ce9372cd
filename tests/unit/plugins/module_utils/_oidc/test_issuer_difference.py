# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In what two issuers differ that were meant to be one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import difference

WANTED = "https://irsa-prod.s3.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (f"{WANTED}/", "only in a slash"),
        ("https://irsa-PROD.s3.eu-west-1.amazonaws.com", "capital letters"),
        ("http://irsa-prod.s3.eu-west-1.amazonaws.com", "http://"),
        (f"{WANTED}:443", "port"),
        ("https://irsa-prod.s3.amazonaws.com", "global host name"),
        ("https://irsa-prod.s3-eu-west-1.amazonaws.com", None),
        ("https://irsa-prod.s3.us-east-1.amazonaws.com", "another region: us-east-1"),
        ("https://irsa-prod.s3.dualstack.us-east-1.amazonaws.com", "another region: us-east-1"),
        ("https://irsa-prod.s3.cn-north-1.amazonaws.com.cn", "another AWS partition"),
        ("https://irsa-prod.s3.eusc-de-east-1.amazonaws.eu", "another AWS partition"),
        ("https://s3.eu-west-1.amazonaws.com/irsa-prod", "in the path"),
        (f"{WANTED}/prod", "with another path"),
        ("https://oidc.example.com", None),
        ("https://irsa-test.s3.eu-west-1.amazonaws.com", None),
    ],
)
def test_is_named(found, said):
    text = difference(WANTED, found)
    assert text is None if said is None else said in text


def test_is_none_between_the_same():
    assert difference(WANTED, WANTED) is None
    assert difference(WANTED, WANTED.removeprefix("https://")) is None


def test_of_the_global_host_from_the_regional_one():
    assert "regional host name" in difference("https://b.s3.amazonaws.com", "https://b.s3.us-east-1.amazonaws.com")


def test_of_a_slash_that_is_lacking():
    assert "lacks the slash" in difference("https://a.example/x/", "https://a.example/x")


@given(st.text(), st.text())
def test_says_something_or_nothing_of_anything(wanted, found):
    assert difference(wanted, found) is None or wanted != found
