# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters as a playbook calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.selfhosted.irsa.plugins.filter import issuer_url, pod_identity, trust_policy, verify_report

ARN = "arn:aws:iam::123456789012:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com"

FILTERS = {
    name: function
    for module in (issuer_url, pod_identity, trust_policy, verify_report)
    for name, function in module.FilterModule().filters().items()
}


def test_each_filter_has_its_documentation():
    folder = Path(trust_policy.__file__).parent
    documented = {
        yaml.safe_load(file.read_text(encoding="utf-8"))["DOCUMENTATION"]["name"] for file in folder.glob("*.yml")
    }
    assert documented == set(FILTERS)


def test_trust_policy_is_for_one_service_account_and_one_audience():
    policy = FILTERS["trust_policy"](ARN, "shop", "cart")
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"Federated": ARN}
    assert statement["Condition"] == {
        "StringEquals": {
            "irsa-prod.s3.eu-west-1.amazonaws.com:aud": "sts.amazonaws.com",
            "irsa-prod.s3.eu-west-1.amazonaws.com:sub": "system:serviceaccount:shop:cart",
        }
    }
    json.dumps(policy)


def test_trust_policy_accepts_another_audience():
    policy = FILTERS["trust_policy"](ARN, "shop", "cart", audience="sts.amazonaws.com.cn")
    assert policy["Statement"][0]["Condition"]["StringEquals"][f"{ARN.partition('/')[2]}:aud"] == "sts.amazonaws.com.cn"


@pytest.mark.parametrize(
    "arn",
    [
        *("", "arn:aws:iam::123456789012:role/irsa", "https://irsa.example.com", None, 5),
        *(ARN.replace("provider/", "provider/https://"), f"{ARN} ", ARN.replace("123456789012", "${ACCOUNT}")),
    ],
)
def test_trust_policy_refuses_an_invalid_provider(arn):
    with pytest.raises(AnsibleFilterError, match="ARN of an OIDC provider"):
        FILTERS["trust_policy"](arn, "shop", "cart")


@pytest.mark.parametrize(
    ("namespace", "service_account"), [("", "cart"), ("shop", ""), ("*", "cart"), ("shop", "*"), ("a:b", "c")]
)
def test_trust_policy_refuses_an_invalid_name(namespace, service_account):
    """StringEquals takes them literally, so such a role could never be assumed."""
    with pytest.raises(AnsibleFilterError, match="service account"):
        FILTERS["trust_policy"](ARN, namespace, service_account)


def test_trust_policy_takes_lists_of_providers_and_service_accounts():
    other = ARN.replace("prod", "test")
    accounts = [{"namespace": "shop", "name": "cart", "role_name": "x"}, "shop/bill.v2"]
    policy = FILTERS["trust_policy"]([ARN, other], accounts=accounts)
    assert [each["Principal"]["Federated"] for each in policy["Statement"]] == [ARN, other]
    assert policy["Statement"][0]["Condition"]["StringEquals"][f"{ARN.partition('/')[2]}:sub"] == [
        "system:serviceaccount:shop:bill.v2",
        "system:serviceaccount:shop:cart",
    ]
    assert FILTERS["trust_policy"]([ARN], accounts=["shop/cart"]) == FILTERS["trust_policy"](ARN, "shop", "cart")

    assert FILTERS["trust_policy"](ARN, "shop", ["bill.v2", "cart"]) == FILTERS["trust_policy"](ARN, accounts=accounts)


@pytest.mark.parametrize("given", [("shop", "*"), ("shop", ["cart", "*"]), ("*", "cart"), ("shop", "car?")])
def test_trust_policy_says_what_to_write_for_a_wildcard(given):
    with pytest.raises(AnsibleFilterError) as refused:
        FILTERS["trust_policy"](ARN, *given, audience="vault")
    message = str(refused.value)
    condition = json.loads(message[message.index("{") :])
    host_path = ARN.partition("/")[2]
    names = [each if isinstance(each, str) else each[-1] for each in given]
    assert condition == {
        "StringEquals": {f"{host_path}:aud": "vault"},
        "StringLike": {f"{host_path}:sub": f"system:serviceaccount:{':'.join(names)}"},
    }
    assert "accounts" in message


def test_trust_policy_refuses_what_iam_would_refuse_for_its_length():
    accounts = [f"shop/service-account-{number}" for number in range(60)]
    with pytest.raises(AnsibleFilterError, match=r"for 60 service accounts: .* characters, and IAM accepts 2048"):
        FILTERS["trust_policy"](ARN, accounts=accounts)
    assert FILTERS["trust_policy"](ARN, accounts=accounts, limit=4096)


@pytest.mark.parametrize("audience", [None, ["a", "b"], {"a": "b"}, 5, "", "x" * 256, "['a']"])
def test_trust_policy_refuses_what_is_not_an_audience(audience):
    with pytest.raises(AnsibleFilterError, match=r"trust_policy.* audience"):
        FILTERS["trust_policy"](ARN, "shop", "cart", audience=audience)


@pytest.mark.parametrize("limit", ["long", None, [], 0, "-1", 4097])
def test_trust_policy_refuses_what_is_not_a_limit(limit):
    with pytest.raises(AnsibleFilterError, match=r"trust_policy: limit is .*4096"):
        FILTERS["trust_policy"](ARN, "shop", "cart", limit=limit)


def test_trust_policy_takes_a_limit_as_text_as_dash_e_gives_it():
    accounts = [f"shop/service-account-{number}" for number in range(60)]
    assert FILTERS["trust_policy"](ARN, accounts=accounts, limit="4096")


@pytest.mark.parametrize("arns", [[], [ARN, "arn:aws:iam::123456789012:role/x"], {"arn": ARN}])
def test_trust_policy_refuses_a_list_with_an_invalid_provider(arns):
    with pytest.raises(AnsibleFilterError, match="ARN of an OIDC provider"):
        FILTERS["trust_policy"](arns, "shop", "cart")


def test_trust_policy_refuses_the_provider_of_a_document():
    with pytest.raises(AnsibleFilterError, match=r"is the address of the discovery document, not an issuer"):
        FILTERS["trust_policy"](f"{ARN}/.well-known/openid-configuration", "shop", "cart")


@pytest.mark.parametrize(
    ("names", "accounts"), [((), None), (("shop", "cart"), ["shop/cart"]), ((), []), (("shop",), None)]
)
def test_trust_policy_wants_either_one_service_account_or_a_list(names, accounts):
    with pytest.raises(AnsibleFilterError, match="service account"):
        FILTERS["trust_policy"](ARN, *names, accounts=accounts)


@pytest.mark.parametrize("account", ["shop", "shop/cart/x", "shop/*", {"namespace": "shop"}, 5, None])
def test_trust_policy_refuses_an_invalid_item(account):
    with pytest.raises(AnsibleFilterError, match=r"namespace and the name|names of service accounts"):
        FILTERS["trust_policy"](ARN, accounts=[account])


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("eu-west-1", "amazonaws.com"),
        ("us-east-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("eusc-de-east-1", "amazonaws.eu"),
    ],
)
def test_issuer_url_has_the_domain_of_the_partition(region, domain):
    """https://docs.aws.amazon.com/general/latest/gr/s3.html lists the host names."""
    assert FILTERS["issuer_url"]("irsa", region) == f"https://irsa.s3.{region}.{domain}"
    assert FILTERS["issuer_url"]("irsa", region, "a/b") == f"https://irsa.s3.{region}.{domain}/a/b"
    assert FILTERS["issuer_url"]("irsa", region, "") == FILTERS["issuer_url"]("irsa", region, None)


@pytest.mark.parametrize(
    ("bucket", "region", "prefix", "message"),
    [
        ("my.bucket", "eu-west-1", None, "has a dot"),
        ("", "eu-west-1", None, "0 characters"),
        ("irsa", "nowhere", None, "AWS region"),
        ("irsa", None, None, "AWS region"),
        ("irsa", "eu-west-1", "/prod", "prefix"),
        ("irsa", "eu-west-1", "prod/keys.json", "prefix .* is the path of a document"),
        ("irsa", "eu-west-1", "x" * 250, "at most 255"),
    ],
)
def test_issuer_url_refuses_what_could_not_be_an_issuer(bucket, region, prefix, message):
    with pytest.raises(AnsibleFilterError, match=message):
        FILTERS["issuer_url"](bucket, region, prefix)


VERIFIED = {"issuer": "https://irsa.example.test", "verdict": "ok", "diagnosis": None, "checks": []}


def test_verify_report_takes_one_result_or_several_by_name():
    one = json.loads(FILTERS["verify_report"](VERIFIED, "json"))
    assert one.items() >= VERIFIED.items()
    assert json.loads(FILTERS["verify_report"]({"a": VERIFIED, "b": VERIFIED}, "json")) == {"a": one, "b": one}
    assert json.loads(FILTERS["verify_report"]({"msg": "no"}, "json"))["diagnosis"] == "no"


@pytest.mark.parametrize(("results", "form"), [([VERIFIED], "md"), ("text", "md"), (VERIFIED, "pdf"), (VERIFIED, "")])
def test_verify_report_refuses_what_it_cannot_write(results, form):
    with pytest.raises(AnsibleFilterError, match=r"verify_report expects|expected md, json, xml, table"):
        FILTERS["verify_report"](results, form)
