# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How two issuers differ that should be equal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import (
    cause_of_other,
    difference,
)

SAME_BUCKET = "It is the same bucket under another host name"
ISSUER = "https://irsa-prod.s3.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("actual", "reason"),
    [
        (f"{ISSUER}/", "only in a slash"),
        ("https://irsa-PROD.s3.eu-west-1.amazonaws.com", "capital letters"),
        ("http://irsa-prod.s3.eu-west-1.amazonaws.com", "http://"),
        (f"{ISSUER}:443", "port"),
        ("https://irsa-prod.s3.amazonaws.com", "global host name"),
        ("https://irsa-prod.s3.amazonaws.com", SAME_BUCKET),
        ("https://irsa-prod.s3-eu-west-1.amazonaws.com", SAME_BUCKET),
        ("https://irsa-prod.s3-eu-west-1.amazonaws.com/", SAME_BUCKET),
        ("https://irsa-prod.s3-eu-west-1.amazonaws.com/prod", f"{SAME_BUCKET} (the legacy regional host name), with"),
        ("https://irsa-prod.s3.dualstack.eu-west-1.amazonaws.com", SAME_BUCKET),
        ("https://irsa-prod.s3-fips.eu-west-1.amazonaws.com", SAME_BUCKET),
        ("https://irsa-prod.s3-accelerate.amazonaws.com", SAME_BUCKET),
        ("https://irsa-prod.s3-website-eu-west-1.amazonaws.com", f"{SAME_BUCKET} (the website host name, which has no"),
        ("https://s3-eu-west-1.amazonaws.com/irsa-prod", SAME_BUCKET),
        ("https://irsa-prod.s3-us-east-1.amazonaws.com", "another region: us-east-1"),
        (f"{ISSUER}/.well-known/openid-configuration", "the address of a document of this issuer"),
        (f"{ISSUER}/keys.json", "the address of a document of this issuer"),
        ("https://irsa-prod.s3.us-east-1.amazonaws.com", "another region: us-east-1"),
        ("https://irsa-prod.s3.dualstack.us-east-1.amazonaws.com", "another region: us-east-1"),
        ("https://irsa-prod.s3.cn-north-1.amazonaws.com.cn", "another AWS partition"),
        ("https://irsa-prod.s3.eusc-de-east-1.amazonaws.eu", "another AWS partition"),
        ("https://s3.eu-west-1.amazonaws.com/irsa-prod", "in the path"),
        (f"{ISSUER}/prod", "with another path"),
        ("https://oidc.example.com", None),
        ("https://irsa-test.s3.eu-west-1.amazonaws.com", None),
    ],
)
def test_difference_names_what_differs(actual, reason):
    text = difference(ISSUER, actual)
    assert text is None if reason is None else reason in text


def test_no_difference_between_equal_issuers():
    assert difference(ISSUER, ISSUER) is None
    assert difference(ISSUER, ISSUER.removeprefix("https://")) is None


def test_difference_names_the_regional_host():
    assert "regional host name" in difference("https://b.s3.amazonaws.com", "https://b.s3.us-east-1.amazonaws.com")


def test_difference_names_a_missing_slash():
    assert "lacks the slash" in difference("https://a.example/x/", "https://a.example/x")


@pytest.mark.parametrize("host", ["kubernetes.default.svc.cluster.local", "10.96.0.1:6443", "[fd00::1]:6443"])
def test_an_internal_issuer_of_a_cluster_is_called_internal(host):
    text = cause_of_other(ISSUER, f"https://{host}/")
    assert "It is internal" in text and "another --service-account-issuer" in text


def test_another_issuer_is_internal_only_by_its_host():
    assert SAME_BUCKET in cause_of_other(ISSUER, "https://irsa-prod.s3.amazonaws.com")
    for url in ("https://oidc.example.com", "https://oidc.example.com:8443/x", "https://[", "http://localhost"):
        assert cause_of_other(ISSUER, url) is None


@given(st.text(), st.text())
def test_difference_accepts_any_texts(expected, actual):
    assert difference(expected, actual) is None or expected != actual
