# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role irsa_issuer and module irsa_issuer declare the same options: type, choices, elements and default agree."""

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.role_variables import option_name
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_bucket, irsa_issuer
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _issuer_role

COMPARED = ("type", "choices", "elements", "default")

ROLE: dict[str, dict[str, t.Any]] = {option_name(name): option for name, option in _issuer_role.argument_spec().items()}
MODULE: dict[str, dict[str, t.Any]] = {
    name: option
    for option_name, option in irsa_issuer.ARGUMENT_SPEC.items()
    for name in (option_name, *option.get("aliases", ()))
}

# Intended differences, as (role, module).
INTENDED = {
    # The module takes whatever file modules take, numbers included, and leaves the mode of an existing key alone by
    # default. The role sets it, and asks for text, since a number is easily mistaken: 600 is not 0600.
    ("key_mode", "type"): ("str", "raw"),
    ("key_mode", "default"): ("0600", None),
    # An empty string in the role means that the file is not written, and its paths may be on another host, whose
    # home folders the type path would confuse with the controller's.
    ("public_key_path", "type"): ("str", "path"),
    ("openssh_public_key_path", "type"): ("str", "path"),
    # Not set in the role, so that the module's default is the only one.
    ("cache_control", "default"): (None, "no-cache"),
    # Empty in the role, so that a playbook can combine with it. The role leaves empty values out.
    ("tags", "default"): ({}, None),
}

# Variables for other tasks of the role, or of amazon.aws's common options.
NOT_OPTIONS = {"key_host", "key_backup", "delete_key", "region"}


def differences(
    role: t.Mapping[str, t.Any], module: t.Mapping[str, t.Any]
) -> dict[tuple[str, str], tuple[t.Any, t.Any]]:
    """Every declaration that differs, by option and attribute."""
    return {
        (name, attribute): (role[name].get(attribute), module[name].get(attribute))
        for name in role.keys() & module.keys()
        for attribute in COMPARED
        if role[name].get(attribute) != module[name].get(attribute)
    }


def test_role_and_module_declare_the_same_options_alike():
    assert differences(ROLE, MODULE) == INTENDED


def test_every_variable_of_the_role_is_an_option_of_the_module():
    assert ROLE.keys() - MODULE.keys() == NOT_OPTIONS


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("verify", {"default": False}),
        ("key_size", {"type": "str"}),
        ("key_type", {"choices": ["RSA"]}),
        ("audiences", {"elements": "raw"}),
    ],
)
def test_a_difference_between_role_and_module_is_found(name, changed):
    role = {**ROLE, name: {**ROLE[name], **changed}}
    ((attribute, value),) = changed.items()
    assert differences(role, MODULE)[name, attribute] == (value, MODULE[name].get(attribute))


def test_settings_of_the_bucket_are_declared_as_in_irsa_bucket():
    bucket = yaml.safe_load(irsa_bucket.DOCUMENTATION)["options"]
    of_bucket = {f"bucket_{name}": option for name, option in bucket.items() if f"bucket_{name}" in MODULE}
    assert {"bucket_encryption", "bucket_versioning", "bucket_namespace"} <= of_bucket.keys()
    # The default of public_paths depends on the prefix, which irsa_bucket does not know.
    paths = ["keys.json", ".well-known/openid-configuration"]
    assert differences(of_bucket, MODULE) == {("bucket_public_paths", "default"): (paths, None)}
