# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role's trust policy becomes: our statements follow the service accounts, all others stay."""

from __future__ import annotations

import copy
import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_merge import (
    Trust,
    merged,
    older_audiences,
    others_trusted,
    read_policy,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import statement_of, trust_policy

ARN = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/prod"
OTHER_ARN = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/test"
AWS, OTHER = "sts.amazonaws.com", "other.example.com"
CART, BILL, SHIP = (f"system:serviceaccount:shop:{name}" for name in ("cart", "bill", "ship"))

FOR_EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
OWN = statement_of(ARN, audience=AWS, subjects=[CART])
OF_OTHER_CLUSTER = statement_of(OTHER_ARN, audience=AWS, subjects=[CART])


def policy(*statements, **members):
    return {"Version": "2012-10-17", **members, "Statement": list(statements)}


def trust(*subjects, former=(), audience=AWS, arn=ARN):
    return Trust(
        provider_arn=arn,
        audiences=dict.fromkeys(subjects, audience),
        former={subject: [audience] for subject in former},
        leaving=former,
    )


def test_a_new_role_gets_the_policy_of_the_filter():
    assert merged(None, trust(CART, BILL)) == trust_policy([ARN], subjects=[CART, BILL])


def test_a_role_gains_our_statement_and_loses_none():
    before = policy(FOR_EC2, OF_OTHER_CLUSTER, Id="theirs")
    after = merged(before, trust(CART))
    assert after == policy(FOR_EC2, OF_OTHER_CLUSTER, OWN, Id="theirs")
    assert merged(after, trust(CART)) is after


def test_a_single_statement_that_is_not_in_a_list_stays():
    assert merged({"Statement": FOR_EC2}, trust(CART)) == {"Statement": [FOR_EC2, OWN]}
    alone = {"Statement": OWN}
    assert merged(alone, trust(CART)) is alone


def test_service_accounts_of_one_role_share_a_statement_in_its_place():
    after = merged(policy(OWN, FOR_EC2), trust(BILL))
    assert after == policy(statement_of(ARN, audience=AWS, subjects=[BILL, CART]), FOR_EC2)
    assert merged(after, trust(CART)) is after
    assert merged(after, trust(BILL, CART)) is after


def test_an_earlier_audience_is_trusted_until_it_is_withdrawn():
    """Pods that run keep the audience that their tokens had when they were started."""
    both = statement_of(ARN, audience=AWS, subjects=[BILL, CART])
    new = statement_of(ARN, audience=OTHER, subjects=[CART])
    after = merged(policy(both), trust(CART, audience=OTHER))
    assert after == policy(both, new)
    assert merged(after, trust(CART, audience=OTHER)) is after
    assert older_audiences(after, trust(CART, audience=OTHER)) == {CART: [AWS]}
    withdrawn = Trust(provider_arn=ARN, audiences={CART: OTHER}, former={CART: [AWS]})
    assert merged(after, withdrawn) == policy(statement_of(ARN, audience=AWS, subjects=[BILL]), new)
    assert older_audiences(merged(after, withdrawn), withdrawn) == {}
    assert older_audiences(after, trust(BILL)) == {}


def test_a_subject_leaves_for_one_audience_or_for_all():
    before = policy(OWN, statement_of(ARN, audience=OTHER, subjects=[CART]))
    assert merged(before, Trust(provider_arn=ARN, audiences={}, former={CART: [OTHER]})) == policy(OWN)
    assert merged(before, trust(former=[CART])) == policy()


def test_two_audiences_in_one_run_are_two_statements():
    after = merged(None, Trust(provider_arn=ARN, audiences={CART: AWS, BILL: OTHER}))
    assert [each["Condition"]["StringEquals"]["oidc.example.com/prod:sub"] for each in after["Statement"]] == [
        BILL,
        CART,
    ]


def test_a_former_service_account_is_no_longer_trusted_for_this_provider():
    both = statement_of(ARN, audience=AWS, subjects=[BILL, CART])
    before = policy(FOR_EC2, both, OF_OTHER_CLUSTER)
    assert merged(before, trust(former=[CART])) == policy(
        FOR_EC2, statement_of(ARN, audience=AWS, subjects=[BILL]), OF_OTHER_CLUSTER
    )
    assert merged(before, trust(former=[CART, BILL])) == policy(FOR_EC2, OF_OTHER_CLUSTER)
    assert merged(before, trust(SHIP, former=[CART, BILL])) == policy(
        FOR_EC2, statement_of(ARN, audience=AWS, subjects=[SHIP]), OF_OTHER_CLUSTER
    )
    unrelated = policy(FOR_EC2)
    assert merged(unrelated, trust(former=[CART])) is unrelated


def test_the_last_statement_leaves_an_empty_policy():
    assert merged(policy(OWN), trust(former=[CART])) == policy()


def test_a_statement_that_is_there_twice_is_written_once():
    assert merged(policy(OWN, OWN), trust(CART)) == policy(OWN)


def test_the_policy_that_was_read_is_not_changed():
    before = policy(FOR_EC2, OWN)
    copied = copy.deepcopy(before)
    merged(before, trust(BILL, former=[CART]))
    assert before == copied


@pytest.mark.parametrize("change", [{"Effect": "Deny"}, {"Action": "sts:*"}, {"Condition": {}}])
@pytest.mark.parametrize("desired", [trust(CART), trust(former=[CART])])
def test_a_foreign_statement_with_our_sid_is_refused(change, desired):
    with pytest.raises(Fault, match=OWN["Sid"]):
        merged(policy({**OWN, **change}), desired)


def test_a_statement_with_our_sid_for_another_provider_is_none_of_our_business():
    changed = policy({**OF_OTHER_CLUSTER, "Effect": "Deny"})
    assert merged(changed, trust(CART)) == policy(*changed["Statement"], OWN)


def test_subjects_that_the_run_says_nothing_about_are_listed():
    before = policy(FOR_EC2, statement_of(ARN, audience=AWS, subjects=[BILL, CART, SHIP]), OF_OTHER_CLUSTER)
    assert others_trusted(before, trust(CART, former=[SHIP])) == [BILL]


@pytest.mark.parametrize("document", [json.dumps(policy(FOR_EC2)), "%7B%22Statement%22%3A%5B%5D%7D", policy()])
def test_a_policy_is_read_in_each_form_that_stores_return(document):
    assert "Statement" in read_policy(document)


@pytest.mark.parametrize("document", ["", "{", "[]", None, {"Statement": ["x"]}, [FOR_EC2]])
def test_what_is_not_a_policy_is_refused(document):
    with pytest.raises(Fault, match="cannot be read"):
        read_policy(document)
