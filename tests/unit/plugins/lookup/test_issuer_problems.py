# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup as a playbook calls it, with variables that are templates or text."""

from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible.template import Templar

from ansible_collections.selfhosted.irsa.plugins.lookup.issuer_problems import LookupModule

SOUND = {"irsa_issuer_bucket": "irsa-prod", "irsa_issuer_key_path": "/srv/sa.key", "irsa_issuer_audiences": ["sts"]}


def problems(**variables):
    given = {**SOUND, **variables}
    lookup = LookupModule(templar=Templar(DataLoader(), given))
    return lookup.run([], given)


def test_nothing_is_wrong_with_sound_variables():
    assert problems() == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("irsa_issuer_bucket", "Irsa"),
        ("irsa_issuer_url", "http://issuer.example"),
        ("irsa_issuer_account_id", "12345"),
        ("irsa_issuer_extra_jwks", [{"keys": "none"}]),
    ],
)
def test_each_problem_names_its_variable(variable, value):
    (problem,) = problems(**{variable: value})
    assert problem.startswith(f"{variable}: ")


@pytest.mark.parametrize("value", [False, "false", "no"])
def test_switches_are_read_as_ansible_reads_them(value):
    (problem,) = problems(irsa_issuer_delete_bucket="yes", irsa_issuer_manage_bucket=value)
    assert problem.startswith("irsa_issuer_delete_bucket is set, and irsa_issuer_manage_bucket")
    assert problems(irsa_issuer_delete_bucket=value, irsa_issuer_manage_bucket=value) == []


def test_what_the_role_makes_of_a_variable_counts():
    (problem,) = problems(__irsa_issuer_key_host="control-plane", irsa_issuer_key_path="relative.key")
    assert "must be absolute on irsa_issuer_key_host" in problem
