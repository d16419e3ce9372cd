# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents of injection: what a user sets stays data in them, whatever it is."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import re

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import documents, manifests
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import kinds, names

# A literal of CEL, and everything else up to the next one.
_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'")

SETTINGS = st.builds(
    Settings,
    region=st.text(),
    audience=st.text(),
    expiration=st.integers(),
    sts_regional_endpoints=st.booleans(),
    mount_path=st.text(),
    annotation_prefix=st.text(),
    guard=st.sampled_from(["warn", "deny"]),
    guard_exceptions=st.lists(st.text(), min_size=1, max_size=1).map(tuple),
)
PLAIN = Settings(region="eu-west-1", guard="deny", guard_exceptions=("default",))


def expressions_in(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("expression", "messageExpression"):
                yield inner
            else:
                yield from expressions_in(inner)
    elif isinstance(value, list):
        yield from itertools.chain.from_iterable(map(expressions_in, value))


def code_of(settings):
    """The expressions without their literals."""
    found = expressions_in(documents.all_documents(settings))
    return [_LITERAL.sub("''", each) for each in found]


@hypothesis.settings(max_examples=50)
@given(SETTINGS)
def test_no_setting_becomes_code(settings):
    plain = dataclasses.replace(PLAIN, sts_regional_endpoints=settings.sts_regional_endpoints)
    assert code_of(settings) == code_of(plain)


@hypothesis.settings(max_examples=50)
@given(SETTINGS)
def test_each_setting_is_a_literal_of_its_expression(settings):
    spec = documents.inject_documents(settings)[0]["spec"]
    variables = {each["name"]: each["expression"] for each in spec["variables"]}
    assert ast.literal_eval(variables["region"]) == settings.region
    assert ast.literal_eval(variables["folder"]) == settings.mount_path
    literals = {name: [ast.literal_eval(each) for each in _LITERAL.findall(text)] for name, text in variables.items()}
    assert literals["audience"] == [f"{settings.annotation_prefix}/audience", settings.audience]
    assert str(settings.expiration) in literals["expiration"]


# PyYAML takes a while for each.
@hypothesis.settings(max_examples=10)
@given(SETTINGS)
def test_the_file_is_read_as_the_documents(settings):
    made = documents.all_documents(settings)
    assert list(yaml.safe_load_all(manifests.policies_to_yaml(made))) == made


def test_expressions_keep_their_lines_in_the_file():
    text = manifests.policies_to_yaml(documents.all_documents(PLAIN))
    lines = {line.strip() for line in text.splitlines()}
    patch = documents.inject_documents(PLAIN)[0]["spec"]["mutations"][0]["jsonPatch"]["expression"]
    assert lines.issuperset(line.strip() for line in patch.splitlines())


def test_the_default_of_regional_endpoints_is_a_literal():
    for value, literal in ((True, "true"), (False, "false")):
        spec = documents.inject_documents(Settings(sts_regional_endpoints=value))[0]["spec"]
        [regional] = [each["expression"] for each in spec["variables"] if each["name"] == "regional"]
        assert f"({literal} && " in regional


def test_everything_of_ours_can_be_recognized():
    for document in documents.all_documents(PLAIN):
        assert document["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "selfhosted.irsa"}
        assert document["apiVersion"] == "admissionregistration.k8s.io/v1" and document["kind"] in kinds.POLICY_KINDS


def test_each_binding_follows_its_policy():
    policies = set()
    for document in documents.all_documents(PLAIN):
        if document["kind"].endswith("Binding"):
            assert (document["kind"].removesuffix("Binding"), document["spec"]["policyName"]) in policies
        policies.add((document["kind"], document["metadata"]["name"]))


def test_a_policy_that_fails_refuses():
    for document in documents.all_documents(PLAIN):
        if not document["kind"].endswith("Binding"):
            assert document["spec"]["failurePolicy"] == "Fail"


def test_only_labelled_accounts_are_tried():
    selecting = [each["spec"] for each in documents.all_documents(PLAIN) if "paramRef" in each["spec"]]
    assert [each["policyName"] for each in selecting] == ["irsa-inject", "irsa-guard"]
    for spec in selecting:
        assert spec["paramRef"]["selector"] == {"matchLabels": {names.INJECT_LABEL: "true"}}
        assert spec["paramRef"]["parameterNotFoundAction"] == "Allow"


@pytest.mark.parametrize(("guard", "actions"), [("off", []), ("warn", ["Warn"]), ("deny", ["Deny"])])
def test_guards_are_there_only_on_request(guard, actions):
    made = documents.guard_documents(Settings(guard=guard))
    bound = {each["metadata"]["name"]: each["spec"] for each in made if each["kind"].endswith("Binding")}
    assert [each["validationActions"] for name, each in bound.items() if name == "irsa-guard"] == [
        [action] for action in actions
    ]
    # In a namespace, the value of its label decides.
    by_label = {
        spec["matchResources"]["namespaceSelector"]["matchLabels"]["irsa.selfhosted.example/guard"]: spec
        for spec in bound.values()
        if "matchResources" in spec
    }
    assert {value: spec["validationActions"] for value, spec in by_label.items()} == (
        {"warn": ["Warn"], "deny": ["Deny"]} if actions else {}
    )
    assert not any("paramKind" in each["spec"] for each in made if each["metadata"]["name"] == "irsa-guard-namespace")


def test_annotations_and_the_label_to_opt_out_share_the_prefix():
    settings = Settings(annotation_prefix="irsa.example.org", mount_path="/token", guard="warn")
    text = manifests.policies_to_yaml(documents.all_documents(settings))
    assert "eks.amazonaws.com" not in text
    assert "irsa.example.org/skip-pod-identity-webhook" in text and "irsa.example.org/role-arn" in text
