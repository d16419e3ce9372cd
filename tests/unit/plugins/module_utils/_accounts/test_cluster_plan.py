# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for a cluster. What an API server makes of it is tested end to end (tests/e2e/test_service_accounts.py)."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.account import accounts_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.cluster_plan import Annotations, ClusterPlanner
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.rights import Right
from ansible_collections.selfhosted.irsa.tests.unit.plugins.cluster_objects import (
    AUDIENCE,
    NAMESPACE,
    PATH,
    ROLE,
    Api,
    present,
)

ARN, OTHER_ARN = (f"arn:aws:iam::123456789012:role/{name}" for name in ("cart", "other"))


DESIRED = {ROLE: ARN, AUDIENCE: "sts.amazonaws.com"}


def account(**members):
    item = {"namespace": "shop", "name": "cart", "role_name": "cart", **members}
    (made,), problems = accounts_of([item], None)
    assert problems == []
    return made


def plan(api, arn=ARN, *, create_namespaces=False, force=False, annotations=None, **members):
    planner = ClusterPlanner(api, create_namespaces=create_namespaces, force=force, annotations=annotations)
    return planner.plan(account(**members), arn)


def actions(found):
    return [change.action for change in found.changes]


def document(annotations):
    metadata = {"name": "cart", "namespace": "shop", **({"annotations": annotations} if annotations else {})}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def test_a_missing_service_account_is_created_with_its_annotations():
    found = plan(Api(), audience="other")
    assert found.documents == [document({ROLE: ARN, AUDIENCE: "other"})]
    assert actions(found) == ["k8s:apply ServiceAccount/shop/cart"]


def test_a_service_account_without_annotations_gets_them():
    """The audience, too: what injects may have another default than this one."""
    assert plan(Api({PATH: {"metadata": {"name": "cart"}}})).documents == [document(DESIRED)]
    assert plan(Api({PATH: {"metadata": {"annotations": {"other": "x"}}}})).changes[0].before is None


@pytest.mark.parametrize("owner", ["selfhosted.irsa", "helm"])
def test_a_service_account_that_is_as_desired_is_left_alone_whoever_annotated_it(owner):
    found = plan(Api(present({**DESIRED, "theirs": "x"}, owner)))
    assert not any((found.changes, found.documents, found.warnings))


def test_our_own_annotations_follow_the_list():
    api = Api(present({ROLE: OTHER_ARN, AUDIENCE: "old"}, "selfhosted.irsa"))
    found = plan(api)
    assert found.documents == [document(DESIRED)]
    assert (found.changes[0].before, found.changes[0].after) == ({ROLE: OTHER_ARN, AUDIENCE: "old"}, DESIRED)


def test_annotations_of_another_domain():
    names = ("irsa.example.com/role-arn", "irsa.example.com/audience")
    api = Api(present({**DESIRED, names[0]: OTHER_ARN}, "selfhosted.irsa"))
    found = plan(api, annotations=Annotations("irsa.example.com"))
    assert found.documents == [document(dict(zip(names, DESIRED.values(), strict=True)))]
    assert found.changes[0].before == {names[0]: OTHER_ARN}


@pytest.mark.parametrize("owners", [("helm",), ("helm", "selfhosted.irsa")])
def test_an_annotation_of_others_with_another_value_stops_the_run_unless_forced(owners):
    api = Api(present({ROLE: OTHER_ARN}, *owners))
    with pytest.raises(Fault, match=f"already has {ROLE}: '{OTHER_ARN}', set by 'helm'"):
        plan(api)
    assert actions(plan(api, force=True)) == ["k8s:apply ServiceAccount/shop/cart"]


def test_an_audience_of_others_stops_the_run_unless_it_is_the_same_or_forced():
    api = Api(present({ROLE: ARN, AUDIENCE: "theirs"}, "helm"))
    with pytest.raises(Fault, match=f"already has {AUDIENCE}: 'theirs', set by 'helm'"):
        plan(api)
    assert plan(api, audience="theirs").changes == ()
    assert plan(api, force=True).documents == [document(DESIRED)]


def test_an_annotation_that_nobody_owns_is_overwritten():
    assert actions(plan(Api(present({ROLE: OTHER_ARN})))) == ["k8s:apply ServiceAccount/shop/cart"]


def test_a_missing_namespace_is_created_once_if_told_and_otherwise_named():
    api = Api()
    del api.objects[NAMESPACE]
    with pytest.raises(Fault, match="there is no namespace shop; create it, or set irsa_service_accounts_create_names"):
        plan(api)
    planner = ClusterPlanner(api, create_namespaces=True, force=False)
    first, second = (planner.plan(account(name=name), ARN) for name in ("cart", "bill"))
    assert actions(first) == ["k8s:apply Namespace/shop", "k8s:apply ServiceAccount/shop/cart"]
    assert actions(second) == ["k8s:apply ServiceAccount/shop/bill"]
    assert first.documents[0] == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


def test_rights_that_are_missing_are_listed_once_and_only_those_that_are_needed():
    denied = [(verb, resource) for verb in ("create", "patch") for resource in ("serviceaccounts", "namespaces")]
    planner = ClusterPlanner(Api(denied=denied), create_namespaces=True, force=False)
    for name in ("cart", "bill"):
        planner.plan(account(name=name), ARN)
    assert planner.missing_rights() == [
        Right(verb, "serviceaccounts", namespace="shop") for verb in ("patch", "create")
    ]
    idle = ClusterPlanner(Api(present(DESIRED, "helm"), denied=denied), create_namespaces=True, force=False)
    idle.plan(account(), ARN)
    assert idle.missing_rights() == []


# --- state absent


def test_our_annotations_are_removed_and_the_service_account_stays():
    found = plan(Api(present({ROLE: ARN, AUDIENCE: "x", "theirs": "y"}, "selfhosted.irsa")), state="absent")
    assert found.documents == [document(None)]
    assert found.changes[0].after is None


@pytest.mark.parametrize(
    ("arn", "audience", "named"),
    [
        (OTHER_ARN, "x", {}),
        (ARN.replace("123456789012", "210987654321"), "x", {}),
        (ARN, "new", {"audience": "old"}),
    ],
)
def test_annotations_of_another_role_or_audience_stay_with_a_warning(arn, audience, named):
    api = Api(present({ROLE: arn, AUDIENCE: audience}, "selfhosted.irsa"))
    found = plan(api, state="absent", **named)
    assert (found.documents, found.changes) == ((), ())
    (warning,) = found.warnings
    assert warning.startswith(f"Service account shop/cart keeps {AUDIENCE}: '{audience}', {ROLE}: '{arn}'")
    assert "about role cart" in warning


@pytest.mark.parametrize("arn", [ARN, ARN.replace("role/cart", "role/team/cart"), ARN.replace("cart", "CART")])
def test_a_role_is_the_same_whatever_its_path(arn):
    """The annotation may be older than the role's path, and the role may be gone."""
    assert plan(Api(present({ROLE: arn}, "selfhosted.irsa")), state="absent").documents == [document(None)]


def test_annotations_of_the_audience_that_is_withdrawn_are_removed():
    api = Api(present({ROLE: ARN, AUDIENCE: "old"}, "selfhosted.irsa"))
    assert plan(api, state="absent", audience="old").documents == [document(None)]


@pytest.mark.parametrize("owners", [("helm",), ("selfhosted.irsa", "helm")])
def test_an_annotation_of_others_is_kept_with_a_warning(owners):
    found = plan(Api(present({ROLE: ARN}, *owners)), state="absent")
    assert actions(found) == []
    assert found.warnings == [f"Service account shop/cart keeps {ROLE}: '{ARN}', set by 'helm'. Remove it there."]


def test_an_annotation_of_others_does_not_keep_ours():
    """Helm has set the role and nothing else; the audience is ours."""
    api = Api(present({ROLE: ARN, AUDIENCE: "x"}, "selfhosted.irsa"))
    managed = api.objects[PATH]["metadata"]["managedFields"]
    managed.append({"manager": "helm", "fieldsV1": {"f:metadata": {"f:annotations": {f"f:{ROLE}": {}}}}})
    found = plan(api, state="absent")
    assert found.documents == [document(None)]
    assert found.changes[0].after == {ROLE: ARN}
    assert found.warnings == [f"Service account shop/cart keeps {ROLE}: '{ARN}', set by 'helm'. Remove it there."]


@pytest.mark.parametrize("objects", [None, {PATH: {"metadata": {}}}])
def test_nothing_is_done_where_there_is_nothing_to_remove(objects):
    assert actions(plan(Api(objects), state="absent")) == []


def test_no_namespace_is_needed_to_remove_something():
    api = Api()
    del api.objects[NAMESPACE]
    assert actions(plan(api, state="absent", create_namespaces=True)) == []
