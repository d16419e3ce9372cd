# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which roles may be assumed with a token of a provider: in doubt those that name it or everyone."""

from __future__ import annotations

import json
from urllib.parse import quote

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_reading import may_trust

HOST_PATH = "irsa.s3.eu-west-1.amazonaws.com/prod"
ARN = f"arn:aws:iam::123456789012:oidc-provider/{HOST_PATH}"
OTHER_ARN = "arn:aws:iam::123456789012:oidc-provider/issuer.example"
ACTION = "sts:AssumeRoleWithWebIdentity"
OURS = {"Federated": ARN}


def statement(**given):
    """An Allow statement for our provider, except for these; None leaves a member out."""
    members = {"Effect": "Allow", "Principal": OURS, "Action": ACTION, **given}
    return {name: value for name, value in members.items() if value is not None}


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Principal": {"Federated": [OTHER_ARN, ARN]}},
        {"Principal": "*"},
        {"Principal": ["*"]},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["123456789012", "*"]}},
        {"Principal": {"Federated": "*"}},
        {"Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/*"}},
        {"Principal": {"Federated": ARN[:-1] + "?"}},
        {"Principal": None, "NotPrincipal": {"Federated": OTHER_ARN}},
        {"Principal": "*", "Action": "*"},
        {"Principal": "*", "Action": ["sts:TagSession", "STS:assumerolewith*"]},
        {"Principal": "*", "Action": None, "NotAction": "sts:AssumeRole"},
        # made for the provider, although the action is wrong
        {"Action": "sts:AssumeRole"},
        {"Condition": {"StringEquals": {f"{HOST_PATH}:sub": "system:serviceaccount:shop:cart"}}},
        {"Principal": "*", "Condition": {"StringLike": {f"{HOST_PATH.upper()}:sub": "system:*"}}},
        {"Principal": "*", "Condition": {"StringEquals": {"aws:FederatedProvider": ARN}}},
        {"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}},
        {"Principal": "*", "Condition": {"StringNotEquals": {"issuer.example:sub": "x"}}},
        {"Principal": "*", "Condition": "odd"},
    ],
    ids=str,
)
def test_a_role_that_someone_with_a_token_may_assume_trusts_the_provider(given):
    document = policy(statement(**given))
    assert may_trust(document, ARN)
    assert may_trust(json.dumps(document), ARN)
    assert may_trust(quote(json.dumps(document)), ARN)
    assert may_trust({"Statement": statement(**given)}, ARN)


@pytest.mark.parametrize(
    "given",
    [
        {"Effect": "Deny"},
        {"Effect": "Deny", "Principal": "*"},
        {"Principal": {"Federated": OTHER_ARN}},
        {"Principal": {"Federated": ARN + "-2"}},
        {"Principal": {"Federated": "arn:aws:iam::*:saml-provider/*"}},
        {"Principal": {"AWS": ARN}},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Principal": {"Service": "*"}},
        {"Principal": None},
        {"Principal": None, "NotPrincipal": "*"},
        {"Principal": None, "NotPrincipal": OURS},
        {"Principal": "*", "Action": "sts:AssumeRole"},
        {"Principal": "*", "Action": ["sts:TagSession"]},
        {"Principal": "*", "Action": None},
        {"Principal": "*", "Action": None, "NotAction": "sts:*"},
        {"Principal": "*", "Condition": {"StringEquals": {"issuer.example:sub": "x"}}},
        {"Principal": "*", "Condition": {"StringEquals": {"aws:FederatedProvider": OTHER_ARN}}},
    ],
    ids=str,
)
def test_other_roles_do_not_trust_the_provider(given):
    document = policy(statement(**given))
    assert not may_trust(document, ARN)
    assert not may_trust(json.dumps(document), ARN)


@pytest.mark.parametrize(
    "key", ["https://{}:sub", "{}/sub", "{}:subject", "HTTPS://{}:aud", "sub", "arn:x:oidc-provider/{}:sub"]
)
def test_a_misspelled_condition_is_one_of_the_issuer_and_not_of_another(key):
    condition = {"StringEquals": {key.format(ARN.partition("oidc-provider/")[2]): "x"}}
    assert may_trust(policy(statement(Principal="*", Condition=condition)), ARN)


def test_a_denial_without_a_condition_wins():
    denial = statement(Effect="Deny", Principal="*")
    assert not may_trust(policy(statement(), denial), ARN)
    assert may_trust(policy(statement(), {**denial, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}), ARN)
    assert may_trust(policy(statement(), {**denial, "Action": "sts:AssumeRole"}), ARN)


def test_the_case_of_names_makes_no_difference():
    document = {"statement": [{"effect": "allow", "PRINCIPAL": OURS, "action": ACTION.upper()}]}
    assert may_trust(document, ARN)


@pytest.mark.parametrize("document", [f"not JSON, {ARN}", f"%7B{quote(ARN)}"])
def test_a_policy_that_cannot_be_read_counts_if_it_mentions_the_provider(document):
    assert may_trust(document, ARN)
    assert not may_trust(document, OTHER_ARN)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["*", "Allow", "Deny", ARN, ACTION]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Statement", "Effect", "Principal", "Action", "Condition", "Federated", "AWS"]), inner
        )
    ),
    max_leaves=12,
)


@hypothesis.given(ANYTHING)
def test_any_document_is_read_without_a_crash(document):
    assert may_trust(document, ARN) in (True, False)
