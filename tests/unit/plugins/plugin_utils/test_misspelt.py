# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Misspelt variables are named with the one that was meant, and variables of users' own are left alone."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _misspelt
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._known_variables import NAMES


@pytest.fixture
def warned(monkeypatch):
    """Returns the warnings for a mapping of variables."""

    def warnings_of(variables):
        found: list[str] = []
        monkeypatch.setattr(_misspelt.Display, "warning", lambda self, text: found.append(text))
        _misspelt.warn_of_misspelt(variables)
        return found

    return warnings_of


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("irsa_issuer_purge_key", "irsa_issuer_purge_keys"),
        ("irsa_issuer_audience", "irsa_issuer_audiences"),
        ("irsa_issuer_bucket_versionning", "irsa_issuer_bucket_versioning"),
        ("irsa_issuer_keypath", "irsa_issuer_key_path"),
        ("irsa_issuer_bucket_name", "irsa_issuer_bucket"),
        ("irsa_issuer_buckt", "irsa_issuer_bucket"),
        ("irsa_issuer_kubeconfig", "irsa_kubeconfig"),
        ("irsa_verify_role", "irsa_verify_role_arn"),
        ("irsa_verify_tokenpath", "irsa_verify_token_path"),
        ("irsa_verify_failon", "irsa_verify_fail_on"),
        ("irsa_verify_key_backup", "irsa_issuer_key_backup"),
        ("irsa_apiserver_phases", "irsa_apiserver_phase"),
        ("irsa_injection_audiences", "irsa_injection_audience"),
        ("irsa_service_accounts_namespaces", "irsa_service_accounts_create_namespaces"),
        ("irsa_service_account_list", "irsa_service_accounts_list"),
        ("irsa_isuer_bucket", "irsa_issuer_bucket"),
        ("isra_issuer_bucket", "irsa_issuer_bucket"),
        ("IRSA_ISSUER_BUCKET", "irsa_issuer_bucket"),
        ("irsa-issuer-bucket", "irsa_issuer_bucket"),
        ("irsa_host", "irsa_hosts"),
        ("irsa_kube_config", "irsa_kubeconfig"),
        ("irsa_controlplane", "irsa_control_plane"),
    ],
)
def test_the_name_that_was_meant_is_suggested(warned, name, meant):
    (warning,) = warned({"inventory_hostname": "prod", "irsa_hosts": "clusters", name: "x"})
    assert warning == f"No role or playbook of selfhosted.irsa has a variable {name}. Did you mean {meant}?"


def test_a_name_like_none_of_a_role_is_told_without_a_suggestion(warned):
    assert warned({"irsa_issuer_zzz": 1}) == ["No role or playbook of selfhosted.irsa has a variable irsa_issuer_zzz."]


@pytest.mark.parametrize(
    "name",
    [
        *("irsa_mycompany_x", "irsa_bucket", "irsa_region", "irsa_issuer", "irsa_issuers", "irsa_hosts_prod"),
        *("__irsa_issuer_run", "my_irsa_issuer_bucket", "issuer_bucket", "irsa"),
    ],
)
def test_variables_of_users_own_are_left_alone(warned, name):
    assert warned({name: "x"}) == []


def test_registered_results_are_left_alone(warned):
    assert warned({"irsa_issuer_run": {"changed": False, "failed": False}, "irsa_host": {"changed": True}}) == []


def test_every_variable_of_ours_is_known(warned):
    assert warned(dict.fromkeys(NAMES)) == []
