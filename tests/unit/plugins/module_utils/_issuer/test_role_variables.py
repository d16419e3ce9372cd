# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All problems with the role's variables at once, each with the variable's name and without repeating a secret."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.role_variables import problems
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

# The role's defaults, as its tasks pass them on: a variable that is not set is missing, None or empty.
DEFAULTS = {
    "bucket": "irsa-prod",
    "manage_bucket": True,
    "prefix": None,
    "url": "",
    "key_path": "/srv/irsa/sa-signer.key",
    "public_key_path": "/srv/irsa/sa-signer-pkcs8.pub",
    "openssh_public_key_path": "/srv/irsa/sa-signer.key.pub",
    "key_host": "",
    "audiences": ["sts.amazonaws.com"],
    "extra_jwks": [],
    "tags": {},
    "delete_bucket": False,
}


OWN = "https://irsa-prod.s3.eu-west-1.amazonaws.com"
NO_KEY = dict.fromkeys(("key_path", "public_key_path", "openssh_public_key_path"), "")


def found(**given) -> list[str]:
    return problems({**DEFAULTS, **given})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"prefix": "clusters/prod"},
        {"bucket": "", "url": "https://oidc.example.com/prod"},
        {"url": "https://irsa-prod.s3.amazonaws.com"},
        {"url": "https://irsa-prod.s3.eu-west-1.amazonaws.com/prod", "prefix": "prod"},
        {"url": "https://oidc.example.com/anywhere", "prefix": "prod"},
        {"url": "https://irsa-prod-2.example.com"},
        {"url": "https://irsa-prod.s3.amazonaws.com", "region": "us-east-1"},
        {"url": "https://s3.amazonaws.com/irsa-prod/prod", "region": "us-east-1", "prefix": "prod"},
        {"url": "https://irsa-prod.s3-eu-west-1.amazonaws.com", "region": "eu-west-1"},
        {"url": "https://irsa-prod.s3.dualstack.eu-west-1.amazonaws.com", "region": "eu-west-1"},
        {"url": "https://irsa-prod.s3-accelerate.amazonaws.com", "region": "eu-west-1"},
        {"url": "https://irsa-prod.s3.amazonaws.com", "region": "eu-west-1", "state": "absent"},
        {"url": f"{OWN}/.well-known/openid-configuration", "bucket": "", "state": "absent"},
        {"bucket": "oidc.example.com", "url": "https://oidc.example.com"},
        {"bucket": "oidc.example.com", "url": "https://oidc.example.com/prod", "manage_bucket": False},
        {"bucket": "oidc.example.com", "url": "https://s3.eu-west-1.amazonaws.com/oidc.example.com"},
        {"bucket": "oidc.example.com", "state": "absent"},
        {"bucket_public_paths": ["*/keys.json", "prod/.well-known/openid-configuration"]},
        {"thumbprints": ["auto"]},
        {"thumbprints": ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280", "9E99A48A9960B14926BB7F3B02E22DA2B0AB7280"]},
        {"audiences": "sts.amazonaws.com,sts.amazonaws.com.cn"},
        {"thumbprints": "auto"},
        {"account_id": "012345678901", "bucket_account_id": "123456789012"},
        {"account_id": 123456789012},
        {"account_id": "RGW12345678901234567"},
        {"verify_timeout": 0.5},
        {"connect_to": "192.0.2.10:8443"},
        {"connect_to": "[2001:db8::1]"},
        {"key_type": "ECDSA", "key_curve": "P-256"},
        {"key_type": "RSA", "key_size": 4096},
        {"key_backup": "s3://private-bucket/keys"},
        {"key_host": "cp-1"},
        {"key_host": "cp-1", "key_path": "~/sa.key", "public_key_path": "", "openssh_public_key_path": ""},
        {"key_path": "keys/sa.key"},
        {"public_key_path": "", "openssh_public_key_path": ""},
        {"extra_jwks": [{"keys": []}, {"keys": [{"kty": "RSA", "n": "x", "e": "AQAB", "kid": "a"}]}]},
        {"bucket_encryption": "AES256"},
        {"tags": {"team": "platform", "number": 5, "flag": True, "empty": ""}},
        {"delete_bucket": True},
        {**NO_KEY, "from_cluster": True, "kubeconfig": "/srv/kubeconfig"},
        {**NO_KEY, "from_cluster": True, "kubeconfig": "kubeconfig", "extra_jwks": [{"keys": []}]},
        {**NO_KEY, "extra_jwks": [{"keys": []}]},
        {**NO_KEY, "extra_jwks": {"keys": []}},
        {**NO_KEY, "extra_jwks": '{"keys": []}'},
        {"from_cluster": True, "kubeconfig": "/srv/kubeconfig"},
        {**NO_KEY, "state": "absent"},
        {**NO_KEY, "state": "absent", "from_cluster": True, "legacy_empty_kid": True},
        {"bucket": "irsa-123456789012-eu-west-1-an", "bucket_namespace": "account-regional"},
        {"apiserver_key_dir": "/etc/kubernetes/ssl", "former_public_keys": "/etc/kubernetes/ssl/sa.pub,/srv/b.pub"},
        {"former_issuers": ["https://kubernetes.default.svc.cluster.local", "kubernetes.default.svc", "api"]},
        {"former_issuers": "https://kubernetes.default.svc,https://10.0.0.1:6443"},
        {**NO_KEY, "extra_jwks": [{"keys": []}], "former_issuers": ["https://kubernetes.default.svc"]},
        {"bucket": "", "url": "https://oidc.example.com", "documents_path": "/srv/site", "result_path": "a.json"},
        {"key_host": "cp-1", "key_path": "/a/sa", "public_key_path": "/b/sa", "openssh_public_key_path": ""},
    ],
    ids=lambda given: ", ".join(given) or "defaults",
)
def test_valid_role_variables_have_no_problems(given):
    assert found(**given) == []


@pytest.mark.parametrize(
    ("given", "variable", "reason"),
    [
        ({"bucket": "", "url": ""}, "irsa_issuer_bucket", "Neither"),
        ({"bucket": "irsa.prod"}, "irsa_issuer_bucket", "has a dot"),
        ({"bucket": "Irsa"}, "irsa_issuer_bucket", "upper-case"),
        ({"url": "http://irsa.example.com"}, "irsa_issuer_url", "https://"),
        ({"url": "https://irsa-prod.s3.amazonaws.com/prod"}, "irsa_issuer_url", "published under no prefix"),
        (
            {"url": "https://irsa-prod.s3.amazonaws.com", "prefix": "prod"},
            "irsa_issuer_url",
            "published under 'prod'. Make the path of the issuer and the prefix (irsa_issuer_prefix) the same",
        ),
        ({"url": f"{OWN}/.well-known/openid-configuration"}, "irsa_issuer_url", f"the issuer is '{OWN}'"),
        ({"prefix": "prod/keys.json"}, "irsa_issuer_prefix", "the path of a document"),
        ({"former_issuers": [f"{OWN}/openid/v1/jwks"]}, "irsa_issuer_former_issuers", f"the issuer is '{OWN}'"),
        ({"url": "https://other.s3.eu-west-1.amazonaws.com"}, "irsa_issuer_url", "the address of the bucket 'other'"),
        ({"url": "https://s3.eu-west-1.amazonaws.com/other"}, "irsa_issuer_url", "the address of the bucket 'other'"),
        (
            {"url": "https://s3.eu-west-1.amazonaws.com/irsa-prod/prod"},
            "irsa_issuer_url",
            "published under no prefix",
        ),
        *(
            ({"url": url, "region": "eu-west-1"}, "irsa_issuer_url", f"of {region}, and the bucket 'irsa-prod' is in")
            for url, region in (
                ("https://irsa-prod.s3.amazonaws.com", "us-east-1"),
                ("https://irsa-prod.s3-external-1.amazonaws.com", "us-east-1"),
                ("https://s3.amazonaws.com/irsa-prod", "us-east-1"),
                ("https://irsa-prod.s3.eu-central-1.amazonaws.com", "eu-central-1"),
                ("https://irsa-prod.s3-eu-central-1.amazonaws.com", "eu-central-1"),
                ("https://irsa-prod.s3.dualstack.eu-central-1.amazonaws.com", "eu-central-1"),
                ("https://irsa-prod.s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            )
        ),
        (
            {"bucket": "oidc.example.com", "url": "https://oidc.example.com.s3.eu-west-1.amazonaws.com"},
            "irsa_issuer_url",
            "has a dot",
        ),
        (
            {"bucket": "oidc.example.com", "url": "https://oidc.example.com.s3-eu-west-1.amazonaws.com"},
            "irsa_issuer_url",
            "has a dot",
        ),
        ({"prefix": "/prod"}, "irsa_issuer_prefix", "none at either end"),
        ({"prefix": "p" * 203}, "irsa_issuer_prefix", "255"),
        ({"bucket": "", "url": "https://h.example", "prefix": "p"}, "irsa_issuer_prefix", "irsa_issuer_bucket is not"),
        (
            {"bucket": "", "url": "https://h.example", "delete_bucket": True},
            "irsa_issuer_delete_bucket",
            "irsa_issuer_bucket is not",
        ),
        (
            {"manage_bucket": False, "delete_bucket": True},
            "irsa_issuer_delete_bucket",
            "irsa_issuer_manage_bucket is false",
        ),
        ({"verify_timeout": 0.0}, "irsa_issuer_verify_timeout", "more than 0 and at most 3600 seconds"),
        ({"verify_timeout": 3601.0}, "irsa_issuer_verify_timeout", "is 3601.0"),
        ({"account_id": "12345"}, "irsa_issuer_account_id", "twelve digits"),
        ({"account_id": 12345678901}, "irsa_issuer_account_id", "quotes"),
        ({"account_id": "123456789012\n"}, "irsa_issuer_account_id", "twelve digits"),
        ({"bucket_account_id": "abc"}, "irsa_issuer_bucket_account_id", "twelve digits"),
        ({"audiences": []}, "irsa_issuer_audiences", "is empty"),
        ({"audiences": [str(number) for number in range(101)]}, "irsa_issuer_audiences", "101"),
        ({"audiences": ["a" * 256]}, "irsa_issuer_audiences", "256 characters"),
        ({"thumbprints": ["a" * 40] * 6}, "irsa_issuer_thumbprints", "6 entries"),
        ({"thumbprints": ["x" * 40]}, "irsa_issuer_thumbprints", "40 hexadecimal digits"),
        (
            {"thumbprints": ["9E:99:A4:8A:99:60:B1:49:26:BB:7F:3B:02:E2:2D:A2:B0:AB:72:80"]},
            "irsa_issuer_thumbprints",
            "without colons",
        ),
        ({"thumbprints": ["auto", "a" * 40]}, "irsa_issuer_thumbprints", "either only"),
        ({"connect_to": "host:0"}, "irsa_issuer_connect_to", "host:port"),
        ({"extra_jwks": [{"keys": []}, {"key": "RSA"}]}, "irsa_issuer_extra_jwks", "document 2"),
        ({"extra_jwks": [{"keys": [{"kty": "RSA", "d": "x"}]}]}, "irsa_issuer_extra_jwks", "private key"),
        ({"extra_jwks": "text"}, "irsa_issuer_extra_jwks", "text that is not JSON"),
        ({"extra_jwks": '{"keys": [{"kty": "RSA", "d": "x"}]}'}, "irsa_issuer_extra_jwks", "private key"),
        ({"extra_jwks": {"kty": "RSA", "d": "x"}}, "irsa_issuer_extra_jwks", "private key"),
        ({"tags": {str(number): "x" for number in range(51)}}, "irsa_issuer_tags", "51 tags"),
        ({"tags": {"team": None}}, "irsa_issuer_tags", "tag 'team' must be text"),
        ({"tags": {"team": ["a"]}}, "irsa_issuer_tags", "tag 'team' must be text"),
        ({"tags": {"team": "x" * 257}}, "irsa_issuer_tags", "'team' is too long"),
        ({"tags": {"x" * 129: "a"}}, "irsa_issuer_tags", "is too long"),
        ({"tags": ["team"]}, "irsa_issuer_tags", "must be a dictionary."),
        ({"tags": {"aws:mine": "1"}}, "irsa_issuer_tags", "'aws:mine' begins with aws:"),
        ({"tags": {1: "a", "1": "b"}}, "irsa_issuer_tags", "'1' is there twice"),
        ({"bucket_public_paths": ["*"]}, "irsa_issuer_bucket_public_paths", "'*' opens objects of any name"),
        ({"bucket_public_paths": "keys.json,*.json"}, "irsa_issuer_bucket_public_paths", "'*.json' opens objects"),
        ({"bucket_encryption": "aws:kms"}, "irsa_issuer_bucket_encryption", "AES256"),
        ({"key_path": ""}, "irsa_issuer_key_path", "is not set"),
        ({"key_path": ""}, "irsa_issuer_key_path", "set irsa_issuer_from_cluster or irsa_issuer_extra_jwks instead"),
        (
            {**NO_KEY, "state": "absent", "delete_key": True},
            "irsa_issuer_delete_key",
            "but irsa_issuer_key_path is not",
        ),
        ({**NO_KEY, "from_cluster": True}, "irsa_issuer_from_cluster", "but irsa_kubeconfig is not"),
        ({"from_cluster": True}, "irsa_issuer_from_cluster", "but irsa_kubeconfig is not"),
        *(
            (
                {**NO_KEY, "extra_jwks": [{"keys": []}], name: value},
                f"irsa_issuer_{name}",
                "but irsa_issuer_key_path is not",
            )
            for name, value in (
                ("key_backup", "s3://private-bucket/keys"),
                ("public_key_path", "/srv/irsa/sa.pub"),
                ("openssh_public_key_path", "/srv/irsa/sa.key.pub"),
                ("legacy_empty_kid", True),
                ("apiserver_key_dir", "/etc/kubernetes/pki"),
                ("former_public_keys", ["/etc/kubernetes/pki/sa.pub"]),
            )
        ),
        ({"public_key_path": "/srv/irsa/sa-signer.key"}, "irsa_issuer_public_key_path", "different files"),
        ({"public_key_path": "/srv/b/sa-signer.key"}, "irsa_issuer_apiserver_key_dir", "have the same file name"),
        ({"documents_path": "/srv/site"}, "irsa_issuer_documents_path", "irsa_issuer_bucket is set"),
        ({"result_path": "/srv/irsa/./sa-signer.key"}, "irsa_issuer_key_path", "are the same file"),
        ({"result_path": "/srv/irsa/sa-signer.key.pub"}, "irsa_issuer_openssh_public_key_path", "are the same file"),
        ({"apiserver_key_dir": "pki"}, "irsa_issuer_apiserver_key_dir", "absolute path as the API servers see it"),
        ({"apiserver_key_dir": "~/pki"}, "irsa_issuer_apiserver_key_dir", "'~/pki'"),
        ({"apiserver_key_dir": "/etc/$(NAME)"}, "irsa_issuer_apiserver_key_dir", "absolute path"),
        ({"former_public_keys": ["sa.pub"]}, "irsa_issuer_former_public_keys", "'sa.pub' is not an absolute path"),
        ({"former_public_keys": ["/a.pub", "/b\n"]}, "irsa_issuer_former_public_keys", "not an absolute path"),
        *(
            ({"former_issuers": ["https://kubernetes.default.svc", bad]}, "irsa_issuer_former_issuers", reason)
            for bad, reason in (
                ("", "'' is not an issuer that an API server can have"),
                ("https://a.example, https://b.example", "'https://a.example, https://b.example'"),
                ("https://a.example,https://b.example", "'https://a.example,https://b.example'"),
                ("https://a.example\n", "is not an issuer"),
                ("https://$(HOST)", "is not an issuer"),
                ("//a:port", "is not an issuer"),
                (None, "null is not an issuer"),
                (5, "5 is not an issuer"),
                ({"issuer": "https://a.example"}, "an object is not an issuer"),
            )
        ),
        ({"key_host": "cp-1", "key_path": "sa.key"}, "irsa_issuer_key_path", "absolute"),
        ({"key_type": "ECDSA", "key_size": 2048}, "irsa_issuer_key_size", "RSA"),
        ({"key_type": "RSA", "key_curve": "P-256"}, "irsa_issuer_key_curve", "ECDSA"),
        ({"key_curve": "P-256"}, "irsa_issuer_key_curve", "ECDSA"),
        ({"key_backup": "s3://irsa-prod/keys"}, "irsa_issuer_key_backup", "public bucket"),
        ({"key_backup": "s3://irsa-prod"}, "irsa_issuer_key_backup", "public bucket"),
        ({"key_backup": "/srv/backup"}, "irsa_issuer_key_backup", "s3://bucket/prefix"),
        ({"key_backup": "s3://"}, "irsa_issuer_key_backup", "s3://bucket/prefix"),
        ({"key_backup": "s3:///keys"}, "irsa_issuer_key_backup", "s3://bucket/prefix"),
        ({"key_backup": "s3://private/keys", "key_host": "cp-1"}, "irsa_issuer_key_backup", "never leaves it"),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else None,
)
def test_a_problem_names_the_variable_and_the_reason(given, variable, reason):
    messages = found(**given)
    assert len(messages) == 1
    assert variable in messages[0] and reason in messages[0]


def test_all_problems_of_the_role_variables_are_reported_at_once():
    messages = found(
        bucket="Irsa.Prod",
        prefix="/x",
        account_id="1",
        audiences=[],
        thumbprints=["x"],
        connect_to=":",
        key_path="",
        key_curve="P-256",
        bucket_encryption="aws:kms",
        key_backup="nowhere",
    )
    for variable in (
        "bucket",
        "prefix",
        "account_id",
        "audiences",
        "thumbprints",
        "connect_to",
        "key_path",
        "key_curve",
        "key_backup",
    ):
        assert any(message.startswith(f"irsa_issuer_{variable}") for message in messages), variable


@pytest.mark.parametrize(
    "variable",
    [
        "bucket",
        "url",
        "prefix",
        "account_id",
        "audiences",
        "thumbprints",
        "connect_to",
        "extra_jwks",
        "bucket_encryption",
        "key_backup",
    ],
)
def test_problems_of_the_role_variables_never_repeat_a_private_key(variable):
    private = samples.RSA.pkcs8.decode()
    for value in (private, [private], [{"keys": [{"kty": "RSA", "d": private}]}]):
        assert samples.traces_of(samples.RSA.pkcs8, " ".join(found(**{variable: value}))) == []


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
anything = scalars | st.lists(scalars | st.dictionaries(st.text(max_size=4), scalars, max_size=2), max_size=3)


@hypothesis.given(
    st.dictionaries(st.sampled_from([*DEFAULTS, "account_id", "thumbprints", "connect_to", "key_backup"]), anything)
)
def test_role_variables_of_any_type_are_checked(given):
    """The argument spec checks types, but not those of values that templates return."""
    assert all(isinstance(message, str) for message in problems({**DEFAULTS, **given}))


def test_everything_that_is_missing_is_named_at_once():
    first, second = problems({"audiences": ["sts.amazonaws.com"]})
    assert "irsa_issuer_bucket" in first and "irsa_issuer_url" in first
    assert all(f"irsa_issuer_{name}" in second for name in ("key_path", "from_cluster", "extra_jwks"))


def test_a_private_key_in_a_variable_that_roles_share_is_told_by_its_name():
    (message,) = found(kubeconfig=samples.RSA.pkcs8.decode())
    assert message.startswith("irsa_kubeconfig contains a private key")
