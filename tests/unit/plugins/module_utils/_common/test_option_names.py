# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages name what the user has set: the option in a task, the variable with a role or a playbook."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import option_names


@pytest.fixture(autouse=True)
def no_prefix():
    yield
    option_names.begin_with("")


@pytest.mark.parametrize(
    ("prefix", "option", "name"),
    [
        ("", "region", "region"),
        ("irsa_issuer_", "region", "irsa_issuer_region"),
        ("irsa_issuer_", "timeout", "irsa_issuer_verify_timeout"),
        ("irsa_issuer_", "kubeconfig", "irsa_kubeconfig"),
        ("irsa_verify_", "kubeconfig", "irsa_verify_kubeconfig"),
    ],
)
def test_an_option_is_called_by_its_variable(prefix, option, name):
    option_names.begin_with(prefix)
    assert option_names.called(option) == name


BOTH = (
    "Set overwrite (irsa_issuer_overwrite) without extra_jwks (irsa_issuer_extra_jwks). It was (irsa_issuer_url). Make "
    "the path and the prefix (irsa_issuer_prefix) the same."
)


def test_a_task_of_users_own_is_told_both_names():
    assert option_names.as_called(BOTH) == BOTH


def test_a_role_is_told_its_variables_alone():
    option_names.begin_with("irsa_issuer_")
    told = (
        "Set irsa_issuer_overwrite without irsa_issuer_extra_jwks. It was (irsa_issuer_url). Make the path and "
        "irsa_issuer_prefix the same."
    )
    assert option_names.as_called(BOTH) == told
