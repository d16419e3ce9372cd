# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of playbook verify: what becomes of them, and that all are checked before anything is verified."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import option_names
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _known_variables, _verify_variables

ISSUER = {"irsa_verify_issuer": "https://irsa.example.com"}


def read(folder="/somewhere", **variables):
    return _verify_variables.read({**ISSUER, **variables}, lambda value: value, str(folder))


def problem(**variables):
    """The one problem with variables."""
    (found,) = read(**variables).problems
    return found


def test_only_variables_that_are_set_become_options():
    found = read(
        irsa_verify_role_arn="", irsa_verify_audiences=[], irsa_verify_timeout="7", irsa_verify_assume_role="no"
    )
    assert found.options == {
        "issuer": "https://irsa.example.com",
        "timeout": 7.0,
        "assume_role": False,
        option_names.OPTION: "irsa_verify_",
    }
    assert (found.report_path, found.problems) == ("", [])


def test_relative_paths_start_from_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    found = read(
        tmp_path, irsa_verify_token_path="token", irsa_verify_ca_path="~/ca.pem", irsa_verify_report_path="r.md"
    )
    assert found.options["token_path"] == f"{tmp_path}/token"
    assert found.options["ca_path"] == "/home/me/ca.pem"
    assert found.report_path == f"{tmp_path}/r.md"
    assert found.problems == []


def test_a_list_may_be_a_text_as_extra_variables_give_it():
    assert read(irsa_verify_expected_kids="a,b").options["expected_kids"] == ["a", "b"]


@pytest.mark.parametrize("given", [{}, {"irsa_verify_issuer": ""}, {"irsa_verify_issuer": None}])
def test_a_missing_issuer_is_named_with_an_example(given):
    (found,) = _verify_variables.read(given, lambda value: value, "/somewhere").problems
    assert found.startswith("irsa_verify_issuer is missing.") and "-e irsa_verify_issuer=https://" in found


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"irsa_verify_timeout": "soon"}, ["irsa_verify_timeout is not a number."]),
        ({"irsa_verify_fail_on": "whenever"}, ["irsa_verify_fail_on", "warning"]),
        ({"irsa_verify_token": "a", "irsa_verify_token_path": "b"}, ["irsa_verify_token|irsa_verify_token_path"]),
        ({"irsa_verify_kube_context": "a"}, ["irsa_verify_kube_context", "irsa_verify_kubeconfig"]),
        ({"irsa_verify_report_path": "r.html"}, ["irsa_verify_report_path is 'r.html'", ".md, .json or .xml"]),
        ({"irsa_verify_report_path": "report"}, ["irsa_verify_report_path", ".md, .json or .xml"]),
        ({"irsa_verify_report_path": "/none/r.md"}, ["irsa_verify_report_path", "/none, which does not exist"]),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_as_the_user_wrote_it(given, named):
    assert all(part in problem(**given) for part in named), problem(**given)


def test_everything_that_is_wrong_is_reported_at_once():
    found = read(irsa_verify_timeout="soon", irsa_verify_report_path="r.html", irsa_verify_provider="maybe")
    assert len(found.problems) == 3 and found.report_path == ""


def test_no_secret_is_repeated():
    token = "a-secret-token-that-is-long.enough.for-that"
    found = read(irsa_verify_token=token, irsa_verify_timeout=f"x {token}")
    assert token not in "".join(found.problems)


def test_misspelt_variables_are_compared_with_all_of_them():
    names = {f"irsa_verify_{option}" for option in _verify_variables._OPTIONS}
    assert {name for name in _known_variables.NAMES if name.startswith("irsa_verify_")} == names
