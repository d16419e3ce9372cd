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

from ansible_collections.selfhosted.irsa.plugins.filter import trust_policy, verify_report

ARN = "arn:aws:iam::123456789012:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com"

FILTERS = {**trust_policy.FilterModule().filters(), **verify_report.FilterModule().filters()}


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


@pytest.mark.parametrize("arn", ["", "arn:aws:iam::123456789012:role/irsa", "https://irsa.example.com", None, 5])
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


VERIFIED = {"issuer": "https://irsa.example.test", "verdict": "ok", "diagnosis": None, "checks": []}


def test_verify_report_takes_one_result_or_several_by_name():
    assert json.loads(FILTERS["verify_report"](VERIFIED, "json")) == VERIFIED
    assert json.loads(FILTERS["verify_report"]({"a": VERIFIED, "b": VERIFIED}, "json")) == {
        "a": VERIFIED,
        "b": VERIFIED,
    }
    assert json.loads(FILTERS["verify_report"]({"msg": "no"}, "json"))["diagnosis"] == "no"


@pytest.mark.parametrize(("results", "form"), [([VERIFIED], "md"), ("text", "md"), (VERIFIED, "pdf"), (VERIFIED, "")])
def test_verify_report_refuses_what_it_cannot_write(results, form):
    with pytest.raises(AnsibleFilterError, match=r"verify_report expects|must end in \.md"):
        FILTERS["verify_report"](results, form)
