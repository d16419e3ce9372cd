# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which token proves that playbook enable was successful, and which manifests have to be applied before."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._enable_proof import read

ROLE = "arn:aws:iam::123456789012:role/reader"
GONE = {"namespace": "shop", "name": "gone", "state": "absent", "audience": "vault", "role_arn": None}
READER = {"namespace": "shop", "name": "reader", "state": "present", "audience": "vault", "role_arn": ROLE}
POLICY = {"kind": "MutatingAdmissionPolicy", "metadata": {"name": "irsa-inject"}}

POLICY_PATH = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies/irsa-inject"
ACCOUNT_PATH = "/api/v1/namespaces/shop/serviceaccounts/reader"
APPLIED = {POLICY_PATH: {}, ACCOUNT_PATH: {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": ROLE}}}}

FOLDER = {"irsa_manifests_path": "manifests"}
FILES = ["manifests/irsa-injection.yaml", "manifests/irsa-service-accounts.yaml"]


def proof(*accounts, find=None, written=(), **variables):
    results = {
        "accounts": [{**account, "actions": list(written)} for account in accounts],
        "injection": {"manifests": [POLICY], "actions": []},
    }
    return read(results, variables, find)


class TestToken:
    def test_it_is_for_the_first_account_that_has_a_role(self):
        """One that loses its role has none to assume, or none any more."""
        found = proof(GONE, READER, irsa_issuer_audiences=["sts.amazonaws.com", "vault"])
        assert (found.service_account, found.role_arn) == ("shop/reader", ROLE)

    @pytest.mark.parametrize("given", [["sts.amazonaws.com", "vault"], "sts.amazonaws.com,vault"])
    def test_it_is_for_the_audience_of_the_account(self, given):
        """The role trusts no other one, but the provider must accept all."""
        assert proof(READER, irsa_issuer_audiences=given).audiences == ["vault", "sts.amazonaws.com"]
        assert proof(irsa_issuer_audiences=given).audiences == ["sts.amazonaws.com", "vault"]

    @pytest.mark.parametrize("accounts", [(), (GONE,)])
    def test_without_an_account_that_has_a_role_there_is_none_to_assume(self, accounts):
        found = proof(*accounts)
        assert (found.service_account, found.role_arn, found.audiences) == ("default/default", None, [])


class TestManifests:
    def test_nothing_is_to_be_applied_without_a_folder(self):
        assert proof(READER, find={}.get).to_apply == []

    def test_nothing_is_to_be_applied_when_the_cluster_has_everything(self):
        found = proof(READER, find=APPLIED.get, **FOLDER)
        assert (found.to_apply, found.lacking) == ([], [])

    def test_all_manifests_are_to_be_applied_while_the_cluster_lacks_something(self):
        found = proof(GONE, READER, find={}.get, **FOLDER)
        assert found.lacking == ["MutatingAdmissionPolicy/irsa-inject", "ServiceAccount/shop/reader with its role"]
        assert found.to_apply == FILES

    def test_what_runs_the_webhook_is_to_be_applied_like_policies(self):
        webhook = {"kind": "Certificate", "metadata": {"namespace": "irsa-system", "name": "irsa-webhook"}}
        results = {"injection": {"manifests": [webhook], "actions": []}}
        found = read(results, FOLDER, {}.get)
        assert found.to_apply == FILES[:1] and found.lacking == ["Certificate/irsa-system/irsa-webhook"]
        path = "/apis/cert-manager.io/v1/namespaces/irsa-system/certificates/irsa-webhook"
        assert read(results, FOLDER, {path: {}}.get).to_apply == []

    def test_an_account_without_its_role_is_not_what_was_written(self):
        found = proof(READER, find={**APPLIED, ACCOUNT_PATH: {"metadata": {}}}.get, **FOLDER)
        assert found.lacking == ["ServiceAccount/shop/reader with its role"]
        prefix = {"irsa_injection_annotation_prefix": "irsa.example.com"}
        annotated = {"metadata": {"annotations": {"irsa.example.com/role-arn": ROLE}}}
        assert not proof(READER, find={**APPLIED, ACCOUNT_PATH: annotated}.get, **FOLDER, **prefix).lacking

    @pytest.mark.parametrize("find", [None, APPLIED.get])
    @pytest.mark.parametrize(
        ("written", "files"),
        [("file:write /srv/manifests/irsa-service-accounts.yaml", FILES), ("file:write /srv/keys/sa.key", [])],
    )
    def test_what_this_run_wrote_is_to_be_applied(self, find, written, files):
        assert proof(READER, find=find, written=[written], **FOLDER).to_apply == files

    def test_what_cannot_be_read_is_left_to_the_checks(self):
        def refused(path):
            raise RequestFailed("Forbidden.", cause="it answers with 403", status=403)

        assert proof(READER, find=refused, **FOLDER).to_apply == []
