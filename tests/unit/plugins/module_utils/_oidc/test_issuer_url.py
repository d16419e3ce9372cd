# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuer URLs that IAM and kube-apiserver accept, and the names that follow from them."""

from __future__ import annotations

import urllib.parse

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url

URL = "https://irsa-prod.s3.eu-west-1.amazonaws.com"


def refusal(call, *arguments) -> str:
    with pytest.raises(IrsaError) as caught:
        call(*arguments)
    return str(caught.value)


class TestParse:
    @pytest.mark.parametrize(
        ("url", "host", "path"),
        [
            (URL, "irsa-prod.s3.eu-west-1.amazonaws.com", ""),
            (URL + "/prod", "irsa-prod.s3.eu-west-1.amazonaws.com", "/prod"),
            ("https://oidc.example.com/a/b-c/d_e~f.g", "oidc.example.com", "/a/b-c/d_e~f.g"),
            ("https://OIDC.Example.com/Prod", "OIDC.Example.com", "/Prod"),
            ("https://irsa.s3.cn-north-1.amazonaws.com.cn", "irsa.s3.cn-north-1.amazonaws.com.cn", ""),
            ("https://" + "a" * 60 + ".example/" + "p" * 178, "a" * 60 + ".example", "/" + "p" * 178),
        ],
        ids=["bucket", "prefix", "long path", "case is kept", "China", "255 characters"],
    )
    def test_parse_splits_an_issuer_and_keeps_it_verbatim(self, url, host, path):
        parsed = issuer_url.parse(url)
        assert parsed == (url, host, path)
        assert parsed.host_path == url[len("https://") :]
        # OpenID Connect Discovery 1.0, section 4
        assert parsed.discovery_url == url + "/.well-known/openid-configuration"
        assert parsed.jwks_url == url + "/keys.json"

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("", "must begin with https://"),
            ("irsa.example.com", "must begin with https://"),
            ("http://irsa.example.com", "must begin with https://"),
            ("HTTPS://irsa.example.com", "in lower case"),
            ("https:irsa.example.com", "must begin with https://"),
            ("https://irsa.example.com?x=1", "has a query"),
            ("https://irsa.example.com?", "has a query"),
            ("https://irsa.example.com#x", "has a fragment"),
            ("https://irsa.example.com/#", "has a fragment"),
            ("https://irsa.example.com:443", "has a port"),
            ("https://irsa.example.com:8443/prod", "has a port"),
            ("https://irsa.example.com:", "has a port"),
            ("https://irsa.example.com:99999", "is not a URL"),
            ("https://irsa.example.com/", "ends with a slash"),
            ("https://irsa.example.com/prod/", "ends with a slash"),
            ("https://irsa.example.com//prod", "empty part"),
            ("https://irsa.example.com/../prod", "a part . or .."),
            ("https://irsa.example.com/./prod", "a part . or .."),
            ("https://irsa.example.com/pr%6fd", "characters other than"),
            ("https://irsa.example.com/pröd", "outside ASCII"),
            ("https://irsa.example.com/a b", "contains a space"),
            ("https://irsa.example.com\n", "control character"),
            (" https://irsa.example.com", "contains a space"),
            ("https://irsa\t.example.com", "control character"),
            ("https://", "no valid host name"),
            ("https:///prod", "no valid host name"),
            ("https://irsa_prod.example.com", "no valid host name"),
            ("https://-irsa.example.com", "no valid host name"),
            ("https://irsa.example.com.", "no valid host name"),
            ("https://irsa..example.com", "no valid host name"),
            ("https://" + "a" * 64 + ".example.com", "no valid host name"),
            ("https://[::1]/prod", "no valid host name"),
            ("https://[::1", "is not a URL"),
            ("https://irsa.example.com\\prod", "no valid host name"),
            ("https://irsa.example.com/" + "p" * 231, "has 256 characters"),
        ],
        ids=lambda value: str(len(value)) if len(value) > 60 else repr(value),
    )
    def test_parse_refuses_what_iam_or_kubernetes_refuses(self, url, reason):
        message = refusal(issuer_url.parse, url)
        assert message.startswith(f"The issuer {url!r} ") and reason in message

    @pytest.mark.parametrize(
        "url",
        [
            "https://user:secret@irsa.example.com",
            "http://user:secret@irsa.example.com",
            "https://secret@h/" + "p" * 255,
        ],
    )
    def test_parse_does_not_repeat_a_password(self, url):
        assert "secret" not in refusal(issuer_url.parse, url)

    @hypothesis.given(st.text() | st.text(st.sampled_from("ahttps:/.?#@-_ %\\[]0")).map("https://".__add__))
    def test_any_text_is_an_issuer_or_refused(self, url):
        try:
            parsed = issuer_url.parse(url)
        except IrsaError:
            assert refusal(issuer_url.parse, url).startswith("The issuer ")
            return
        parts = urllib.parse.urlsplit(url)
        assert (parts.scheme, parts.netloc, parts.path, parts.query, parts.fragment) == ("https", *parsed[1:], "", "")
        assert urllib.parse.urlunsplit(parts) == url == parsed.url


class TestPrefix:
    @pytest.mark.parametrize("prefix", ["prod", "clusters/prod", "a.b/c_d/e~f-g", "...", "0"])
    def test_check_prefix_accepts_plain_names(self, prefix):
        issuer_url.check_prefix(prefix)
        # It is a path that the issuer may have.
        assert issuer_url.parse(f"{URL}/{prefix}").path == f"/{prefix}"

    @pytest.mark.parametrize(
        "prefix",
        [
            "",
            "/prod",
            "prod/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "a/./b",
            "pröd",
            "a b",
            "a%20b",
            "a?b",
            "a#b",
            "a*b",
            "prod\n",
        ],
    )
    def test_check_prefix_refuses_other_prefixes(self, prefix):
        assert repr(prefix) in refusal(issuer_url.check_prefix, prefix)


def test_object_keys_are_those_of_jwks_and_discovery_document():
    assert (
        issuer_url.object_keys(None) == issuer_url.object_keys("") == ("keys.json", ".well-known/openid-configuration")
    )
    assert issuer_url.object_keys("a/b") == ("a/b/keys.json", "a/b/.well-known/openid-configuration")


def test_provider_arn_is_that_of_the_iam_user_guide():
    """The example of AWS's own documentation, IAM User Guide, "IAM identifiers"."""
    assert (
        issuer_url.provider_arn("aws", "123456789012", "accounts.google.com/x")
        == "arn:aws:iam::123456789012:oidc-provider/accounts.google.com/x"
    )
