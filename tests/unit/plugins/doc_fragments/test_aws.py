# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that our modules document for AWS are those that amazon.aws documents and takes."""

from __future__ import annotations

import yaml

from ansible_collections.amazon.aws.plugins.doc_fragments import common, region
from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec
from ansible_collections.selfhosted.irsa.plugins.doc_fragments import _aws

OURS = yaml.safe_load(_aws.ModuleDocFragment.DOCUMENTATION)["options"]


def without_text(options: dict) -> dict:
    """What the options are, without how they are described, in a form in which the order of aliases does not count."""
    return {
        name: {
            "type": option.get("type"),
            "default": option.get("default"),
            "aliases": sorted(option.get("aliases", [])),
            "choices": option.get("choices"),
        }
        for name, option in options.items()
    }


def test_the_options_are_those_that_amazon_aws_documents():
    fragments = (common.ModuleDocFragment.MODULES, region.ModuleDocFragment.MODULES)
    theirs = {name: option for text in fragments for name, option in yaml.safe_load(text)["options"].items()}
    assert without_text(OURS) == without_text(theirs)


def test_the_options_are_those_that_modules_take():
    taken = aws_argument_spec()
    assert OURS.keys() == taken.keys()
    for name, option in OURS.items():
        assert sorted(option.get("aliases", [])) == sorted(taken[name].get("aliases", []))


def test_every_environment_variable_that_is_read_is_named():
    for name, option in aws_argument_spec().items():
        for variable in option.get("fallback", (None, []))[1]:
            assert f"E({variable})" in " ".join(OURS[name]["description"])
