# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables of role irsa_rotate must be together."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipes import RECIPES
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_settings

OF_ISSUER = {"bucket": "example-irsa-prod", "issuer": "https://issuer.example.com"}


def settings(**given):
    return ArgumentSpecValidator(_rotate_settings.SPEC).validate({**OF_ISSUER, **given}).validated_parameters


def test_the_defaults_are_in_order():
    _rotate_settings.check(settings())


def test_all_that_is_wrong_is_in_one_message():
    wrong = settings(
        phase="revoke", cache_seconds=-1, key_size=1000, key_path="/new.key", relying_parties=[{"name": "vault"}]
    )
    with pytest.raises(IrsaError) as caught:
        _rotate_settings.check(wrong)
    lines = str(caught.value).splitlines()
    names = ("cache_seconds", "key_size", "key_path", "revoke_kid", "relying_parties")
    assert [name for name, line in zip(names, lines[1:], strict=True) if f"irsa_rotate_{name}" not in line] == []


def refused(**given):
    with pytest.raises(IrsaError) as caught:
        _rotate_settings.check(settings(**given))
    return str(caught.value)


@pytest.mark.parametrize("phase", ["status", "prepare", "auto", "revoke"])
@pytest.mark.parametrize(
    ("distribution", "version", "expected"),
    [
        ("talos", "v1.13.9", "On Talos up to 1.13, accept cannot be done"),
        ("talos", "1.14.0", "irsa_apiserver_accepted_public_keys"),
        ("talos", "", "On Talos from 1.14 on"),
        ("cluster_api", "", "Secret CLUSTER-sa"),
        ("openshift", "", "next-bound-service-account-signing-key"),
        ("kops", "", "kops promote keypair service-account"),
        ("gardener", "", "rotate-serviceaccount-key-start"),
        ("kubespray", "", "irsa_apiserver_distribution: auto"),
        ("generic", "", "--service-account-signing-key-file"),
    ],
)
def test_where_the_key_is_changed_by_other_means_each_phase_says_by_which(phase, distribution, version, expected):
    said = refused(phase=phase, distribution=distribution, distribution_version=version)
    assert said.startswith(f"irsa_apiserver_distribution is {distribution}, ") and expected in said


def test_talos_without_a_second_key_is_not_told_how_to_use_one():
    assert "publicKeys" not in refused(distribution="talos", distribution_version="1.13.0")


def test_each_distribution_that_has_a_recipe_is_told_what_to_do():
    assert {name: refused(distribution=name).count("\n- ") > 0 for name in RECIPES} == dict.fromkeys(RECIPES, True)


@pytest.mark.parametrize(("missing", "name"), [("bucket", "irsa_issuer_bucket"), ("issuer", "irsa_issuer_region")])
def test_an_issuer_that_cannot_be_found_is_said(missing, name):
    assert f"{name}" in refused(**{missing: ""})


def test_a_version_that_is_none_is_said():
    assert "irsa_apiserver_distribution_version" in refused(distribution="talos", distribution_version="newest")


@pytest.mark.parametrize("name", ["phase", "force", "old_key"])
def test_choices_are_those_of_the_role(name):
    role = pathlib.Path(_rotate_settings.__file__).parents[2] / "roles" / "irsa_rotate"
    options = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert options[f"irsa_rotate_{name}"]["choices"] == _rotate_settings.SPEC[name]["choices"]
