# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables of role irsa_rotate must be together."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_settings


def settings(**given):
    issuer = {"bucket": "irsa-prod", "issuer": "https://irsa-prod.s3.eu-west-1.amazonaws.com"}
    return ArgumentSpecValidator(_rotate_settings.SPEC).validate({**issuer, **given}).validated_parameters


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


@pytest.mark.parametrize(
    ("given", "name"), [({"bucket": "", "issuer": ""}, "irsa_issuer_bucket"), ({"issuer": ""}, "irsa_issuer_region")]
)
def test_an_issuer_that_is_not_named_is_asked_for(given, name):
    with pytest.raises(IrsaError, match=name):
        _rotate_settings.check(settings(**given))


@pytest.mark.parametrize("name", ["phase", "force", "old_key"])
def test_choices_are_those_of_the_role(name):
    role = pathlib.Path(_rotate_settings.__file__).parents[2] / "roles" / "irsa_rotate"
    options = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert options[f"irsa_rotate_{name}"]["choices"] == _rotate_settings.SPEC[name]["choices"]
