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
            ("https://[::1]/prod", "it is an address of the machine itself"),
            ("https://localhost:8443", "AWS can never reach it"),
            ("https://10.0.0.1:6443", "AWS can never reach it"),
            ("http://kubernetes.default.svc", "AWS can never reach it"),
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
        ("url", "issuer"),
        [
            (f"{URL}/.well-known/openid-configuration", URL),
            (f"{URL}/.well-known/openid-configuration/", URL),
            (f"{URL}/prod/.well-known/openid-configuration?x=1", f"{URL}/prod"),
            (f"{URL}/.Well-Known/OpenID-Configuration", URL),
            (f"{URL}//.well-known/openid-configuration", URL),
            (f"{URL}/.well-known%2Fopenid-configuration", URL),
            (f"{URL}/.well-known/openid-configuration/prod", f"{URL}/prod"),
            (f"{URL}/.well-known/openid-configuration/jwks", URL),
            (f"{URL}/.well-known/oauth-authorization-server", URL),
            (f"{URL}/.well-known/jwks.json", URL),
            (f"{URL}/.well-known", URL),
            (f"{URL}/openid/v1/jwks", URL),
            (f"{URL}/prod/openid/v1/jwks/", f"{URL}/prod"),
            (f"{URL}/keys.json", URL),
            (f"{URL}/prod/keys.json#x", f"{URL}/prod"),
            (f"{URL}/jwks.json", URL),
            ("https://sso.example.com/realms/a/protocol/openid-connect/certs", "https://sso.example.com/realms/a"),
            ("http://oidc.example.com/.well-known/openid-configuration", "https://oidc.example.com"),
            ("https://me:secret@oidc.example.com/keys.json", "https://oidc.example.com"),
            ("arn:aws-cn:iam::123456789012:oidc-provider/oidc.example.com/x", "https://oidc.example.com/x"),
            ("https://irsa.s3-website-eu-west-1.amazonaws.com/prod", "https://irsa.s3.eu-west-1.amazonaws.com/prod"),
            ("https://irsa.s3-website.cn-north-1.amazonaws.com.cn", "https://irsa.s3.cn-north-1.amazonaws.com.cn"),
            ("https://s3.eu-west-1.amazonaws.com", "https://BUCKET.s3.eu-west-1.amazonaws.com"),
        ],
    )
    def test_what_is_something_else_is_named_with_the_issuer(self, url, issuer):
        message = refusal(issuer_url.parse, url)
        assert "not an issuer." in message and f"the issuer is '{issuer}'. " in message and "secret" not in message
        assert refusal(issuer_url.refuse_mistake, url) == message

    @pytest.mark.parametrize(
        "url", ["s3://irsa/prod", "https://s3.console.aws.amazon.com/s3/buckets/irsa?region=eu-west-1"]
    )
    def test_another_name_of_the_bucket_is_refused(self, url):
        assert "the issuer is the URL under which the bucket serves the documents" in refusal(issuer_url.parse, url)

    @pytest.mark.parametrize(
        "path", ["/jwks", "/keys", "/openid", "/openid-configuration", "/well-known/x", "/keys.json.prod", "/prod.json"]
    )
    def test_paths_that_may_be_those_of_an_issuer_are_accepted(self, path):
        assert issuer_url.parse(URL + path).path == path

    def test_what_is_registered_already_may_be_the_address_of_a_document(self):
        url = f"{URL}/.well-known/openid-configuration"
        assert issuer_url.parse_registered(url).url == url

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


class TestInternal:
    def test_an_internal_issuer_is_called_so_with_what_to_do(self):
        issuer = issuer_url.parse("https://kubernetes.default.svc.cluster.local")
        message = refusal(issuer_url.check_public, issuer)
        assert issuer_url.warnings_of(issuer.url) == [message]
        for words in (
            "is internal, and AWS can never reach it",
            "Kubernetes service",
            "another --service-account-issuer",
        ):
            assert words in message

    def test_a_public_issuer_is_fine(self):
        issuer_url.check_public(issuer_url.parse(URL))
        assert issuer_url.warnings_of(URL) == []


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
            "prod/.well-known",
            ".well-known/openid-configuration",
            "openid/v1/jwks",
            "prod/keys.json",
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
