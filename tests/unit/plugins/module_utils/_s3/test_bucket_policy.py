# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One statement is ours; every other one survives whatever it is."""

from __future__ import annotations

import copy
import json

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_policy
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_policy import SID

DOCUMENTS = ("keys.json", ".well-known/openid-configuration")

OURS = {
    "Sid": "SelfhostedIrsaPublicDocuments",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": ["arn:aws:s3:::irsa/.well-known/openid-configuration", "arn:aws:s3:::irsa/keys.json"],
}
DENY_PLAIN_HTTP = {
    "Sid": "DenyPlainHttp",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "arn:aws:s3:::irsa/*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def opened(policy, *paths, purge=False, partition="aws"):
    arns = [f"arn:{partition}:s3:::irsa/{path}" for path in paths or DOCUMENTS]
    return bucket_policy.with_public_objects(policy, arns, purge=purge)


def test_a_new_bucket_policy_has_one_statement():
    assert opened(None) == {"Version": "2012-10-17", "Statement": [OURS]}


def test_resources_of_the_bucket_policy_name_the_partition():
    statement = opened(None, "keys.json", partition="aws-cn")["Statement"][0]
    assert statement["Resource"] == ["arn:aws-cn:s3:::irsa/keys.json"]


def test_our_policy_statement_is_added_after_the_others():
    policy = {"Version": "2008-10-17", "Id": "theirs", "Statement": [DENY_PLAIN_HTTP]}
    assert opened(policy) == {"Version": "2008-10-17", "Id": "theirs", "Statement": [DENY_PLAIN_HTTP, OURS]}


def test_a_policy_may_have_a_single_statement_in_place_of_a_list():
    assert opened({"Version": "2012-10-17", "Statement": DENY_PLAIN_HTTP})["Statement"] == [DENY_PLAIN_HTTP, OURS]


@pytest.mark.parametrize(
    "spelling",
    [
        OURS,
        {**OURS, "Principal": {"AWS": "*"}},
        {**OURS, "Principal": {"AWS": ["*"]}},
        {**OURS, "Action": ["s3:GetObject"]},
        {**OURS, "Resource": OURS["Resource"][::-1]},
    ],
    ids=["as written", "principal AWS", "principal list", "action list", "resources in another order"],
)
def test_an_equivalent_policy_statement_is_kept_unchanged(spelling):
    policy = {"Version": "2012-10-17", "Statement": [DENY_PLAIN_HTTP, spelling]}
    assert opened(policy) == policy


def test_a_single_resource_that_s3_returns_without_a_list_is_kept():
    policy = {"Version": "2012-10-17", "Statement": [{**OURS, "Resource": "arn:aws:s3:::irsa/keys.json"}]}
    assert opened(policy, "keys.json") == policy


@pytest.mark.parametrize(
    "theirs",
    [
        {**OURS, "Effect": "Deny"},
        {**OURS, "Effect": "allow"},
        {**OURS, "Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {**OURS, "Principal": {"AWS": ["*"], "Service": "s3.amazonaws.com"}},
        {**OURS, "Action": ["s3:GetObject", "s3:PutObject"]},
        {**OURS, "Action": "s3:*"},
        {**OURS, "Action": {"s3:GetObject": 1}},
        {**OURS, "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        {**OURS, "Condition": {}},
        {**OURS, "NotPrincipal": {"AWS": "123456789012"}},
        {name: value for name, value in OURS.items() if name != "Resource"} | {"NotResource": OURS["Resource"]},
        {**OURS, "Resource": [{"Fn::GetAtt": "x"}]},
        {"Sid": SID},
    ],
    ids=[
        "denied",
        "no effect",
        "not everyone",
        "a service, too",
        "written too",
        "everything",
        "no action",
        "a condition",
        "an empty condition",
        "all but one",
        "all but its resources",
        "no resource",
        "nothing but the name",
    ],
)
@pytest.mark.parametrize("purge", [True, False], ids=["purge", "merge"])
def test_a_statement_of_others_with_our_sid_is_refused(theirs, purge):
    for statements in ([DENY_PLAIN_HTTP, theirs], [OURS, theirs]):
        with pytest.raises(Fault, match=f"its statement {SID} is not the one that this collection writes") as caught:
            opened({"Version": "2012-10-17", "Statement": statements}, purge=purge)
        assert repr(bucket_policy.as_json(theirs)[:50])[:-1] in str(caught.value) and len(str(caught.value)) < 600


def test_our_statement_that_is_there_twice_is_merged_at_the_first_position():
    twice = [{**OURS, "Resource": "arn:aws:s3:::irsa/a/keys.json"}, DENY_PLAIN_HTTP, {**OURS, "Action": "S3:getobject"}]
    merged = opened({"Version": "2012-10-17", "Statement": twice}, "keys.json")["Statement"]
    assert merged == [
        {**OURS, "Resource": [*OURS["Resource"][:1], "arn:aws:s3:::irsa/a/keys.json", OURS["Resource"][1]]},
        DENY_PLAIN_HTTP,
    ]


def test_the_policy_keeps_paths_that_another_cluster_made_public():
    policy = opened(opened(None, "a/keys.json"), "b/keys.json")
    assert policy["Statement"][0]["Resource"] == ["arn:aws:s3:::irsa/a/keys.json", "arn:aws:s3:::irsa/b/keys.json"]


def test_purging_removes_other_paths_from_the_policy():
    policy = opened(opened(None, "a/keys.json"), "b/keys.json", purge=True)
    assert policy["Statement"][0]["Resource"] == ["arn:aws:s3:::irsa/b/keys.json"]


def test_the_bucket_policy_is_written_as_compact_json():
    text = bucket_policy.as_json(opened(None))
    assert json.loads(text) == opened(None)
    assert "\n" not in text and ": " not in text


texts = st.text(max_size=8)
arns = st.builds(
    "arn:aws:s3:::{}/{}".format, st.sampled_from(("irsa", "other")), st.sampled_from((*DOCUMENTS, "x", "*"))
)
statements = st.fixed_dictionaries(
    {},
    optional={
        "Sid": texts.filter(lambda sid: sid != SID),
        "Effect": st.sampled_from(("Allow", "Deny")),
        "Principal": st.just("*") | st.dictionaries(texts, texts | st.lists(texts, max_size=2), max_size=2),
        "NotPrincipal": st.dictionaries(texts, texts, max_size=1),
        "Action": texts | st.lists(texts, max_size=3),
        "Resource": arns | st.lists(arns, max_size=3),
        "Condition": st.dictionaries(texts, st.dictionaries(texts, texts, max_size=2), max_size=2),
    },
)
own_statements = st.builds(
    lambda resources, principal: {**OURS, "Principal": principal, "Resource": resources},
    arns | st.lists(arns, max_size=3),
    st.sampled_from(("*", {"AWS": "*"}, {"AWS": ["*"]})),
)
policies = st.builds(
    lambda before, own, after, more: {**more, "Statement": before + own + after},
    st.lists(statements, max_size=3),
    st.lists(own_statements, max_size=2),
    st.lists(statements, max_size=3),
    st.fixed_dictionaries({}, optional={"Version": texts, "Id": texts}),
)
paths_of_a_run = st.lists(st.sampled_from((*DOCUMENTS, "*/keys.json", "a/keys.json")), min_size=1, max_size=3)


@hypothesis.given(policies | st.none(), paths_of_a_run, st.booleans())
def test_only_our_statement_of_any_bucket_policy_changes(policy, paths, purge):
    before = copy.deepcopy(policy)
    after = opened(policy, *paths, purge=purge)
    assert policy == before  # nothing is changed under the caller's feet
    others = [statement for statement in (policy or {}).get("Statement", []) if statement.get("Sid") != SID]
    assert [statement for statement in after["Statement"] if statement.get("Sid") != SID] == others
    assert {name: value for name, value in after.items() if name != "Statement"} == (
        {"Version": "2012-10-17"}
        if policy is None
        else {name: value for name, value in policy.items() if name != "Statement"}
    )
    assert opened(after, *paths, purge=purge) == after

    (own,) = (statement for statement in after["Statement"] if statement.get("Sid") == SID)
    resources = set(bucket_policy.own_resources(after))
    desired = {f"arn:aws:s3:::irsa/{path}" for path in paths}
    present = set(bucket_policy.own_resources(before))
    assert resources == (desired if purge else desired | present)
    assert (own["Effect"], as_list(own["Action"])) == ("Allow", ["s3:GetObject"])
    assert "Condition" not in own and "NotPrincipal" not in own


@hypothesis.given(policies, st.lists(paths_of_a_run, min_size=1, max_size=4))
def test_many_clusters_make_the_same_paths_public_in_any_order(policy, runs):
    forwards, backwards = policy, policy
    for paths in runs:
        forwards = opened(forwards, *paths)
    for paths in reversed(runs):
        backwards = opened(backwards, *paths)
    assert set(bucket_policy.own_resources(forwards)) == set(bucket_policy.own_resources(backwards))
