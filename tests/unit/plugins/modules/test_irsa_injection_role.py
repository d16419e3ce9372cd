# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module of role irsa_injection, as Ansible runs it."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server
from ansible_collections.selfhosted.irsa.tests.unit.plugins.modules.test_documented_results import check_result

NAME = "irsa_injection_role"


@pytest.mark.parametrize("check_mode", [True, False])
def test_results_are_documented(run, tmp_path, check_mode):
    for options in (
        {"manifests_path": str(tmp_path), "region": "eu-west-1"},
        {"manifests_path": str(tmp_path), "guard": "deny"},
        {"manifests_path": str(tmp_path), "state": "absent"},
        {"method": "none"},
    ):
        result = run(NAME, check_mode, **options).result
        assert isinstance(result["proof"], dict)
        check_result(NAME, result)


def test_audiences_of_the_issuer_may_be_a_text(run, tmp_path):
    """As for role irsa_issuer."""
    for audiences in ("vault.example", "vault.example,sts.amazonaws.com", ["vault.example"]):
        result = run(NAME, manifests_path=str(tmp_path), issuer_audiences=audiences).result
        assert "orValue('vault.example')" in str(result["manifests"]).replace("\\'", "'")


def test_a_missing_library_is_named_with_where_it_is_missing(run, monkeypatch, tmp_path):
    monkeypatch.setattr(api_server, "KUBERNETES_IMPORT_ERROR", ImportError("no"))
    result = run(NAME, fails=True, kubeconfig=str(tmp_path / "kubeconfig")).result
    assert "kubernetes>=24.2 (no)" in result["msg"] and not result.get("changed")
    # What is written to a folder needs it not.
    run(NAME, manifests_path=str(tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "helm"}, "value of method must be one of: auto, policy, webhook, none, got: helm"),
        ({"method": "webhook", "webhook_replicas": 0, "kubeconfig": "/nonexistent"}, "irsa_injection_webhook_replicas"),
        ({"kubeconfig": "/nonexistent"}, "The kubeconfig /nonexistent cannot be used"),
        ({}, "Set irsa_kubeconfig"),
    ],
)
def test_bad_input_is_one_message(run, options, message):
    result = run(NAME, fails=True, **options).result
    assert message in result["msg"] and result.get("actions", []) == []
