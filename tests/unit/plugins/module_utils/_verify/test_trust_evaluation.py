# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trust policies, evaluated for the token of one service account. tests/integration compares with the embedded AWS."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.copyable import pieces_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_conditions import (
    AUDIENCE,
    CONDITION,
    PROVIDER,
    SUBJECT,
    TokenRequest,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import trust_policy
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import trust_evaluation

HOST = "irsa-prod.s3.eu-west-1.amazonaws.com/prod"
ARN = f"arn:aws:iam::111122223333:oidc-provider/{HOST}"
SUB, AUD = "system:serviceaccount:shop:cart", "sts.amazonaws.com"
ACTION = "sts:AssumeRoleWithWebIdentity"
REQUEST = TokenRequest(provider_arn=ARN, subject=SUB, audience=AUD)


def statement(condition=None, **elements):
    made = {"Effect": "Allow", "Principal": {"Federated": ARN}, "Action": ACTION, **elements}
    return {**made, "Condition": condition} if condition is not None else made


def both(operator="StringEquals", sub=SUB, aud=AUD):
    return {operator: {f"{HOST}:sub": sub, f"{HOST}:aud": aud}}


def judge(*statements, version="2012-10-17"):
    return trust_evaluation.judge({"Version": version, "Statement": list(statements)}, REQUEST)


def statuses(judgment):
    return {part: finding.status for part, finding in judgment.assessments.items()}


def test_the_policy_of_the_trust_policy_filter_accepts_its_service_account():
    made = trust_evaluation.judge(trust_policy([ARN], subjects=["system:serviceaccount:shop:cart"]), REQUEST)
    assert made.allowed is True
    assert statuses(made) == {PROVIDER: "ok", SUBJECT: "ok", AUDIENCE: "ok"}


def test_a_trust_policy_may_have_one_statement_instead_of_a_list():
    assert trust_evaluation.judge({"Statement": statement(both())}, REQUEST).allowed is True


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"Action": "sts:AssumeRole"}, "'sts:AssumeRole'"),
        ({"Effect": "Deny"}, "does not allow"),
        ({"NotAction": ["sts:*"], "Action": None}, "does not allow"),
        ({"Principal": {"Federated": ARN.replace("eu-west-1", "us-east-1")}}, "but not the provider"),
        ({"Principal": {"Federated": ARN + "/"}}, "but not the provider"),
        ({"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}, "trusts no OIDC provider"),
        ({"Principal": {"Service": "ec2.amazonaws.com"}}, "trusts no OIDC provider"),
        ({"Principal": None}, "trusts no OIDC provider"),
    ],
)
def test_a_trust_policy_that_does_not_trust_the_provider_is_an_error(elements, said):
    judgment = judge(statement(both(), **elements))
    assert judgment.allowed is False
    assert list(judgment.assessments) == [PROVIDER]
    assert said in judgment.assessments[PROVIDER].seen


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (ARN.replace("111122223333", "444455556666"), "in another account"),
        (ARN.replace(":aws:", ":aws-cn:"), "in another partition"),
        (ARN + "/", "slash"),
        (ARN.replace(".s3.eu-west-1.", ".s3."), "global host name"),
        (ARN.replace("irsa-prod", "IRSA-prod"), "capital letters"),
    ],
)
def test_the_difference_from_a_similar_provider_is_explained(found, cause):
    finding = judge(statement(both(), Principal={"Federated": ["cognito-identity.amazonaws.com", found]})).assessments[
        PROVIDER
    ]
    assert cause in finding.cause


@pytest.mark.parametrize(
    "elements",
    [
        {"Action": "sts:*"},
        {"Action": "*"},
        {"Action": "STS:assumerolewithwebidentity"},
        {"Action": ["sts:TagSession", "sts:AssumeRoleWith?ebIdentity"]},
        {"Action": None, "NotAction": "sts:AssumeRole"},
        {"Principal": "*"},
        {"Principal": {"AWS": ["*"]}},
        {"Principal": {"Federated": ["cognito-identity.amazonaws.com", ARN]}},
        {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"}},
    ],
)
def test_a_trust_policy_may_trust_the_provider_in_other_ways(elements):
    given_elements = {name: value for name, value in statement(both(), **elements).items() if value is not None}
    assert judge(given_elements).allowed is True


@pytest.mark.parametrize(
    "condition",
    [
        both("StringLike", sub="system:serviceaccount:shop:*"),
        both("StringLike", sub="system:serviceaccount:*:cart"),
        both("StringLike", sub="*shop:car?"),
        both("StringEqualsIgnoreCase", sub=SUB.upper()),
        both("StringEquals", sub=["system:serviceaccount:shop:till", SUB]),
        both("StringEqualsIfExists"),
        both("ForAnyValue:StringEquals"),
        both("ForAllValues:StringLike"),
        {"StringEquals": {f"{HOST.upper()}:SUB": SUB, f"{HOST}:aud": AUD}},
        {**both(), "Null": {f"{HOST}:sub": "false", f"{HOST}:amr": True}},
        {**both(), "StringNotEquals": {f"{HOST}:sub": "system:serviceaccount:kube-system:default"}},
        {**both(), "StringNotLike": {f"{HOST}:sub": ["*:kube-system:*", "*:default"]}},
        {**both(), "StringEqualsIfExists": {f"{HOST}:email": "nobody"}},
        {**both(), "ForAllValues:StringEquals": {f"{HOST}:amr": "authenticated"}},
        {**both(), "StringNotEquals": {f"{HOST}:amr": "unauthenticated"}},
        {**both(), "ArnLikeIfExists": {}},
        {**both(), "StringEquals": {**both()["StringEquals"], "aws:FederatedProvider": ARN}},
    ],
)
def test_a_trust_condition_that_is_met_accepts_the_token(condition):
    judgment = judge(statement(condition))
    assert judgment.allowed is True
    assert set(statuses(judgment).values()) == {"ok"}


@pytest.mark.parametrize(
    ("condition", "part", "cause"),
    [
        (both(sub="system:serviceaccount:shop:till"), SUBJECT, None),
        (both(sub="system:serviceaccount:shop:*"), SUBJECT, "StringLike"),
        (both("StringLike", sub="system:serviceaccount:shop:till*"), SUBJECT, None),
        (both("StringLike", sub="System:*"), SUBJECT, None),
        (both("StringNotEquals", aud="x"), SUBJECT, None),
        (both("ForAnyValue:StringEquals", sub=[]), SUBJECT, None),
        ({"StringEquals": {"oidc.example.com/id/AB:sub": SUB, f"{HOST}:aud": AUD}}, SUBJECT, "another issuer"),
        ({"StringEquals": {f"{HOST}/:sub": SUB, f"{HOST}:aud": AUD}}, SUBJECT, "slash"),
        ({**both(), "Null": {f"{HOST}:sub": True}}, SUBJECT, None),
        (both(aud="sts.amazonaws.com.cn"), AUDIENCE, None),
        (both(aud=[]), AUDIENCE, None),
        ({**both(), "StringLike": {f"{HOST}:email": "*"}}, CONDITION, "no condition key"),
        ({**both(), "ForAnyValue:StringNotEquals": {f"{HOST}:amr": "x"}}, CONDITION, "no condition key"),
        ({**both(), "StringNotEquals": {"aws:FederatedProvider": ARN}}, CONDITION, None),
        ({**both(), "ArnEquals": {"aws:x": "y"}, "StringEquals": {"aws:FederatedProvider": HOST}}, CONDITION, "issuer"),
    ],
)
def test_a_trust_condition_that_is_not_met_is_an_error(condition, part, cause):
    judgment = judge(statement(condition))
    assert judgment.allowed is False
    assert [name for name, status in statuses(judgment).items() if status == "error"] == [part]
    assert cause is None or cause in judgment.assessments[part].cause


@pytest.mark.parametrize(
    ("condition", "part", "said"),
    [
        ({**both(), "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, CONDITION, "aws:SourceIp"),
        (
            {**both(), "StringEquals": {**both()["StringEquals"], "sts:RoleSessionName": "x"}},
            CONDITION,
            "sts:RoleSessionName",
        ),
        ({**both(), "StringMatches": {f"{HOST}:sub": SUB}}, SUBJECT, "operator 'StringMatches'"),
        ({**both(), "ForSomeValues:StringEquals": {f"{HOST}:sub": SUB}}, SUBJECT, "operator"),
        (both(sub="system:serviceaccount:${aws:PrincipalTag/ns}:cart"), SUBJECT, "policy variable"),
        ({**both(), "StringLike": "x"}, CONDITION, "no condition keys"),
        ([], CONDITION, "not an object"),
    ],
)
def test_a_trust_condition_that_cannot_be_evaluated_is_a_warning(condition, part, said):
    judgment = judge(statement(condition))
    assert judgment.allowed is None
    finding = judgment.assessments[part]
    assert finding.status == "warning" and "cannot be evaluated" in finding.seen and said in finding.seen


def test_older_trust_policies_have_no_variables():
    text = "system:serviceaccount:${ns}:cart"
    assert judge(statement(both(sub=text)), version="2008-10-17").assessments[SUBJECT].status == "error"


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        ({"StringEquals": {f"{HOST}:aud": AUD}}, SUBJECT),
        (both("StringLike", sub="*"), SUBJECT),
        (both("StringLike", sub="system:serviceaccount:*:*"), SUBJECT),
        (both("StringLike", sub=[SUB, "system:serviceaccount:*"]), SUBJECT),
        ({"StringEquals": {f"{HOST}:sub": SUB}}, AUDIENCE),
        ({"StringEquals": {f"{HOST}:sub": SUB}, "StringNotEquals": {f"{HOST}:aud": "x"}}, AUDIENCE),
    ],
)
def test_a_role_that_accepts_too_much_is_a_warning(condition, part):
    judgment = judge(statement(condition))
    assert judgment.allowed is True
    assert [name for name, status in statuses(judgment).items() if status == "warning"] == [part]


def test_without_trust_conditions_subject_and_audience_are_warnings():
    assert statuses(judge(statement())) == {PROVIDER: "ok", SUBJECT: "warning", AUDIENCE: "warning"}


def test_one_statement_that_accepts_the_token_is_enough():
    wrong = [
        statement(both(sub="x")),
        statement(both(sub="y", aud="z")),
        {"Effect": "Allow", "Action": "sts:TagSession"},
    ]
    assert judge(*wrong, statement(both())).allowed is True
    assert statuses(judge(*wrong))[AUDIENCE] == "ok"


@pytest.mark.parametrize(
    ("denial", "allowed", "part", "status"),
    [
        ({}, False, PROVIDER, "error"),
        ({"Condition": {"StringLike": {f"{HOST}:sub": "*:cart"}}}, False, SUBJECT, "error"),
        ({"Condition": {"StringNotEquals": {f"{HOST}:aud": "other"}}}, False, AUDIENCE, "error"),
        ({"Condition": {"StringEquals": {"aws:FederatedProvider": ARN}}}, False, CONDITION, "error"),
        ({"Condition": {"StringEquals": {f"{HOST}:sub": "other"}}}, True, SUBJECT, "ok"),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, None, CONDITION, "warning"),
        ({"Action": "sts:AssumeRole"}, True, PROVIDER, "ok"),
        ({"Principal": {"Federated": ARN + "/"}}, True, PROVIDER, "ok"),
        ({"Principal": "*"}, False, PROVIDER, "error"),
    ],
)
def test_a_deny_statement_overrides_an_allow_statement(denial, allowed, part, status):
    judgment = judge({**statement(), "Effect": "Deny", **denial}, statement(both()))
    assert (judgment.allowed, judgment.assessments[part].status) == (allowed, status)


def test_a_denial_is_named_by_its_sid_or_its_number():
    judgment = judge(statement(both()), {**statement(), "Effect": "Deny"})
    assert judgment.assessments[PROVIDER].seen.startswith(
        "The Deny statement number 2 in the role's trust policy applies"
    )
    judgment = judge({**statement(), "Effect": "Deny", "Sid": "NoTokens"}, statement(both()))
    assert "'NoTokens'" in judgment.assessments[PROVIDER].seen and "'NoTokens'" in judgment.assessments[PROVIDER].remedy


def test_a_denial_that_cannot_be_evaluated_hides_no_error():
    unsure = {**statement({"StringMatches": {f"{HOST}:sub": "x"}}), "Effect": "Deny"}
    judgment = judge(statement(both(sub="other")), unsure)
    assert (judgment.allowed, judgment.assessments[SUBJECT].status) == (False, "error")


SWAPPED = both(sub=AUD, aud=SUB)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (f"https://{HOST}:sub", "begins with https://"),
        (f"HTTPS://{HOST}:Sub", "begins with https://"),
        (f"http://{HOST}/:sub", "begins with http://"),
        (f"//{HOST}:sub", "begins with //"),
        ("OIDC_PROVIDER:sub", "placeholder"),
        (f"{HOST}/:sub", "slash"),
        (f"{ARN}:sub", "begins with the ARN"),
        (f"arn:aws:iam::111122223333:oidc-provider/https://{HOST}:sub", "begins with the ARN"),
        (f"oidc-provider/{HOST}:sub", "begins with the ARN"),
        (f"{HOST}:subject", "'subject'"),
        (f"{HOST}/sub", "no colon"),
        (f"{HOST}.sub", "no colon"),
        ("sub", "does not name the issuer"),
        (":sub", "does not name the issuer"),
        (f"{HOST}: sub", "space"),
        (f"{HOST}:sub\n", "space"),
        (f"{HOST}::sub", "another path"),
        (f"{HOST.replace('/', ':443/')}:sub", "port"),
        (f"{HOST.replace('.s3.eu-west-1.', '.s3.')}:sub", "same bucket"),
        (f"{HOST.replace('eu-west-1', 'us-east-1')}:sub", "another region"),
        (f"{HOST.partition('/')[0]}:sub", "another path"),
        ("oidc.eks.eu-west-1.amazonaws.com/id/AB:sub", "another issuer"),
        ("oidc:sub", "is not the issuer"),
        ("${OIDC_PROVIDER}:sub", "placeholder"),
        ("<issuer>:sub", "placeholder"),
        ("{{ host }}:sub", "placeholder"),
        (f"{HOST}:system:serviceaccount", "belongs in the value"),
        ("system:serviceaccount:shop:cart", "belongs in the value"),
    ],
)
def test_a_misspelled_condition_key_is_named_as_the_fault(key, said):
    """STS never has such a key: it refuses what requires it, and denies what requires another value of it."""
    refused = judge(statement({"StringEquals": {key: SUB, f"{HOST}:aud": AUD}}))
    assert refused.allowed is False and refused.assessments[SUBJECT].status == "error"
    assert said in refused.assessments[SUBJECT].cause and f"'{HOST}:sub'" in refused.assessments[SUBJECT].cause
    allowed = judge(statement({"StringEqualsIfExists": {key: "other"}, "StringEquals": {f"{HOST}:aud": AUD}}))
    assert allowed.allowed is True and allowed.assessments[SUBJECT].status == "warning"
    assert said in allowed.assessments[SUBJECT].cause
    denial = {**statement({"StringNotEquals": {key: SUB}}), "Effect": "Deny", "Sid": "OnlyCart"}
    denied = judge(statement(both()), denial).assessments[SUBJECT]
    assert denied.status == "error" and "'OnlyCart'" in denied.seen and said in denied.cause
    unknown = trust_evaluation.judge(
        {"Version": "2012-10-17", "Statement": statement({"StringEquals": {key: SUB}})},
        TokenRequest(provider_arn=ARN, subject=None, audience=None),
    )
    assert unknown.assessments[SUBJECT].status == "error" and "null" not in str(unknown)


@pytest.mark.parametrize(
    ("key", "value", "part", "said"),
    [
        (HOST, SUB, SUBJECT, "names no claim"),
        (HOST, "x", CONDITION, "names no claim"),
        (f"https://{HOST}:amr", "x", CONDITION, "https://"),
    ],
)
def test_a_misspelled_key_of_no_claim_is_named_too(key, value, part, said):
    finding = judge(statement({**both(), "StringLike": {key: value}})).assessments[part]
    assert finding.status == "error" and said in finding.cause


@pytest.mark.parametrize("key", ["aws:SourceIp", "sts:RoleSessionName", "s3:prefix"])
def test_a_key_that_sts_may_have_is_not_called_misspelled(key):
    assert judge(statement({**both(), "StringLike": {key: "x"}})).allowed is None


@pytest.mark.parametrize(
    ("condition", "part", "said"),
    [
        (SWAPPED, SUBJECT, "interchanged"),
        (SWAPPED, AUDIENCE, "interchanged"),
        (both(sub="system:serviceaccount:cart:shop"), SUBJECT, "namespace and name interchanged"),
        (both(sub="shop:cart"), SUBJECT, "system:serviceaccount:NAMESPACE:NAME"),
        (both(sub="shop/cart"), SUBJECT, "system:serviceaccount:NAMESPACE:NAME"),
        (both(sub="serviceaccount:shop:cart"), SUBJECT, "system:serviceaccount:NAMESPACE:NAME"),
        (both(sub="system:serviceaccount:shop/cart"), SUBJECT, "system:serviceaccount:NAMESPACE:NAME"),
        (both(sub="system:serviceaccounts:shop"), SUBJECT, "group"),
        (both(sub=SUB.upper()), SUBJECT, "capital letters"),
        (both(sub=f"{SUB} "), SUBJECT, "spaces"),
        (both(aud="https://sts.amazonaws.com"), AUDIENCE, "https://"),
        (both(aud="sts.amazonaws.com/"), AUDIENCE, "slash"),
        (both(aud="STS.amazonaws.com"), AUDIENCE, "capital letters"),
        (both(aud="sts.amazonaws.com.cn"), AUDIENCE, "China"),
        (both(aud=" sts.amazonaws.com"), AUDIENCE, "space"),
    ],
)
def test_a_misspelled_value_is_named_as_the_fault(condition, part, said):
    assert said in judge(statement(condition)).assessments[part].cause


@pytest.mark.parametrize(
    ("principal", "said"),
    [
        ({"Federated": f"arn:aws:iam::111122223333:oidc-provider/https://{HOST}"}, "https:// after oidc-provider/"),
        ({"Federated": f"arn:aws:iam::111122223333:oidc-provider/https://{HOST}/"}, "slash"),
        ({"Federated": f"https://{HOST}"}, "is the issuer"),
        ({"Federated": [HOST]}, "is the issuer"),
        ({"Federated": f"{HOST}/"}, "is the issuer"),
        ({"Federated": f" {ARN}"}, "space"),
        ({"Federated": ARN.replace("111122223333", "<ACCOUNT_ID>")}, "placeholder"),
        ({"Federated": ARN.replace("111122223333", "${AWS::AccountId}")}, "placeholder"),
        ({"Federated": ARN.replace("111122223333", "")}, "its account is ''"),
        ({"Federated": ARN.replace("iam::", "iam:eu-west-1:")}, "its region is 'eu-west-1'"),
        ({"Federated": ARN.replace("oidc-provider", "saml-provider")}, "form of a provider's ARN"),
        ({"Federated": ARN.replace("oidc-provider/", "oidc-provider:")}, "form of a provider's ARN"),
        ({"AWS": ARN}, "under 'AWS'"),
        ({"Service": [ARN]}, "under 'Service'"),
        (ARN, "without a type"),
    ],
)
def test_a_misspelled_principal_is_named_as_the_fault(principal, said):
    finding = judge(statement(both(), Principal=principal)).assessments[PROVIDER]
    assert finding.status == "error" and said in finding.cause


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"Action": ["sts:AssumeRole", "sts:TagSession"]}, "common mistake"),
        ({"Action": "AssumeRoleWithWebIdentity"}, "misspelled"),
        ({"Action": "sts:AssumeRoleWithWebIdentify"}, "misspelled"),
        ({"Action": "sts:AssumeRoleWithSAML"}, "SAML"),
        ({"Action": "sts:AssumeRole", "Principal": {"Service": "pods.eks.amazonaws.com"}}, "EKS Pod Identity"),
    ],
)
def test_a_missing_action_is_explained(elements, said):
    finding = judge(statement(both(), **elements)).assessments[PROVIDER]
    assert finding.status == "error" and said in finding.cause and f'"Action": "{ACTION}"' in finding.remedy


def pasted(remedy):
    """The elements that a remedy ends with, as they would be in a statement."""
    (pasted,) = (piece.text for piece in pieces_of(remedy) if piece.is_copyable)
    return json.loads(f"{{{pasted}}}")


@pytest.mark.parametrize(
    "broken",
    [
        statement(both(sub="system:serviceaccount:shop:till")),
        statement(both(aud="other")),
        statement({"StringEquals": {f"https://{HOST}:sub": SUB, f"https://{HOST}:aud": AUD}}),
        statement(both(sub="system:serviceaccount:shop:*")),
        statement(),
        statement(both(), Principal={"Federated": f"https://{HOST}"}),
        statement(both(), Action="sts:AssumeRole"),
    ],
)
def test_the_remedy_can_be_pasted_into_the_statement(broken):
    findings = judge(broken).assessments.values()
    remedies = [each.remedy for each in findings if each.status != "ok"]
    mended = {**broken, **pasted(remedies[0])}
    assert judge(mended).allowed is True and set(statuses(judge(mended)).values()) == {"ok"}
    assert SUB in remedies[0] or "shop:*" in remedies[0] or len(remedies) == 1


def test_the_remedy_keeps_a_wildcard_where_it_works():
    remedy = judge(statement(both(sub=["x*", "system:serviceaccount:shop:*"]))).assessments[SUBJECT].remedy
    assert pasted(remedy)["Condition"]["StringLike"] == {f"{HOST}:sub": "system:serviceaccount:shop:*"}
    assert pasted(remedy)["Condition"]["StringEquals"] == {f"{HOST}:aud": AUD}


def test_claims_that_are_unknown_decide_nothing():
    request = TokenRequest(provider_arn=ARN, subject=SUB, audience=None)
    for condition in (both(), both("StringNotEquals", aud="x", sub="y"), {"Null": {f"{HOST}:aud": "true"}}):
        judgment = trust_evaluation.judge({"Version": "2012-10-17", "Statement": statement(condition)}, request)
        assert judgment.allowed is None and judgment.assessments[AUDIENCE].status == "warning"
        assert "null" not in str(judgment.assessments[AUDIENCE].seen)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([ARN, SUB, AUD, ACTION, "*", "${x}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
OPERATOR = (
    st.sampled_from(["StringEquals", "StringLike", "StringNotLike", "ForAllValues:StringLike", "Null", "Bool", ":"])
    | st.text()
)
KEY = st.sampled_from([f"{HOST}:sub", f"{HOST}:aud", f"{HOST}:amr", "aws:SourceIp", "x"]) | st.text()
CONDITION_BLOCK = st.dictionaries(OPERATOR, st.dictionaries(KEY, JSON, max_size=2) | JSON, max_size=3) | JSON
STATEMENT = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]) | JSON},
    optional={
        "Principal": st.just({"Federated": ARN}) | JSON,
        "NotPrincipal": JSON,
        "Action": st.just(ACTION) | JSON,
        "NotAction": JSON,
        "Condition": CONDITION_BLOCK,
    },
)
POLICY = st.fixed_dictionaries({"Statement": st.lists(STATEMENT | JSON, max_size=3) | STATEMENT}) | JSON


@given(POLICY)
def test_any_trust_policy_is_evaluated_without_a_crash(policy):
    judgment = trust_evaluation.judge(policy, REQUEST)
    worst = {finding.status for finding in judgment.assessments.values()}
    assert (judgment.allowed is False) == ("error" in worst)
    assert all(finding.seen.isprintable() for finding in judgment.assessments.values())
