# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What provision and teardown print."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import NEXT
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._issuer_lines import (
    MANY,
    provision_lines,
    teardown_lines,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import printed

HOST = "irsa-prod.s3.eu-west-1.amazonaws.com"
ISSUER = f"https://{HOST}"
ARN = f"arn:aws:iam::123456789012:oidc-provider/{HOST}"
FLAGS = [f"--service-account-issuer={ISSUER}", "--service-account-key-file=/keys/sa signer.pub"]
FORMER = "--service-account-issuer=https://kubernetes.default.svc.cluster.local"
KEY_FILES = [
    {"src": "/keys/sa.key", "dest": "/etc/kubernetes/pki/sa.key", "mode": "0600"},
    {"src": "/keys/sa.pub", "dest": "/etc/kubernetes/pki/sa.pub", "mode": "0644"},
]
CREATED = ["s3:CreateBucket", "file:CreatePrivateKey", *["s3:PutObject"] * 2, "iam:CreateOpenIDConnectProvider"]
OK_CHECKS = [{"id": "dns-resolve", "status": "ok", "seen": "It resolves.", "cause": None, "remedy": None}]
ODD_CHECKS = [
    *OK_CHECKS,
    {"id": "jwk-kid", "status": "warning", "seen": "A kid is odd.", "cause": "A cause.", "remedy": "Publish it again."},
]


def result(**more):
    values = {
        "issuer": ISSUER,
        "provider_arn": ARN,
        "kid": "a-kid",
        "bucket": "irsa-prod",
        "apiserver_flags": FLAGS,
        "actions": [],
        "changed": False,
        "checks": OK_CHECKS,
    }
    return {**values, **more}


def created(**more):
    return result(actions=CREATED, changed=True, **more)


def provisioned(*results, **more):
    names = ["localhost"] if len(results) == 1 else [f"prod-{number}" for number in range(len(results))]
    return provision_lines(dict(zip(names, results, strict=True)), **more)


class TestOneCluster:
    def test_a_cluster_that_keeps_its_keys_gets_one_flag(self):
        keys = [{"kid": kid, "algorithm": "RS256", "foreign": kid == "theirs"} for kid in ("one", "two", "theirs")]
        lines = printed(provisioned(created(kid=None, public_key=None, keys=keys, apiserver_flags=FLAGS[:1])))
        kids = next(number for number, line in enumerate(lines) if "key ID" in line)
        assert [line.split()[-1] for line in lines[kids : kids + 3]] == ["one", "two", "irsa-prod"]
        text = " ".join(" ".join(lines).split())
        assert "give kube-apiserver this flag before its present --service-account-issuer, on each" in text
        assert f"{FLAGS[0]} Until all API servers accept it, none may sign for it" in text
        assert "--api-audiences" not in text

    def test_a_cluster_that_keeps_its_keys_and_its_former_issuers_gets_all_flags(self):
        keys = [{"kid": "one", "algorithm": "RS256", "foreign": False}]
        lines = printed(provisioned(created(public_key=None, keys=keys, apiserver_flags=[FLAGS[0], FORMER])))
        text = " ".join(" ".join(lines).split())
        assert "replace every --service-account-issuer of kube-apiserver by these flags, on each" in text
        assert f"{FLAGS[0]} {FORMER} Until all API servers accept it, none may sign for it" in text

    def test_key_files_are_to_be_copied_before_the_api_server_starts(self):
        lines = printed(provisioned(created(apiserver_key_files=KEY_FILES)))
        start = lines.index("→ Next: copy the key files to each control-plane node:")
        assert lines[start + 1 : start + 8] == [
            "    /keys/sa.key to /etc/kubernetes/pki/sa.key, mode 0600",
            "    /keys/sa.pub to /etc/kubernetes/pki/sa.pub, mode 0644",
            "  An API server of kubeadm sees no folder other than /etc/kubernetes/pki. If",
            "  yours has its keys elsewhere, set irsa_issuer_apiserver_key_dir, and run this",
            "  again.",
            "  Then start kube-apiserver with these flags, on each control-plane node:",
            f"    {FLAGS[0]}",
        ]
        assert "kubeadm_extra_args" in " ".join(lines) and "k3s_args" in " ".join(lines)

    def test_key_files_on_a_control_plane_node_are_wanted_on_the_others(self):
        files = [{**file, "src": file["dest"]} for file in KEY_FILES]
        lines = printed(provisioned(created(apiserver_key_files=files)))
        start = lines.index("→ Next: have the key files at these paths on each control-plane node:")
        assert lines[start + 1] == "    /etc/kubernetes/pki/sa.key, mode 0600"
        assert not any("irsa_issuer_apiserver_key_dir" in line for line in lines)

    def test_former_issuers_stay_and_another_key_must_be_named(self):
        flags = [FLAGS[0], FORMER, FLAGS[1]]
        text = " ".join(" ".join(printed(provisioned(created(apiserver_flags=flags)))).split())
        assert "The former issuers stay accepted; leave --api-audiences as it is." in text
        assert "set irsa_issuer_former_public_keys, too, and run this again." in text
        flags.append("--service-account-key-file=/etc/kubernetes/pki/sa.pub")
        text = " ".join(" ".join(printed(provisioned(created(apiserver_flags=flags)))).split())
        assert "irsa_issuer_former_public_keys" not in text

    def test_new_issuer_in_full(self):
        assert printed(provisioned(created())) == [
            "✓ changed: 5 actions",
            f"  issuer      {ISSUER}",
            f"  provider    {ARN}" if len(ARN) <= 66 else "  provider",
            *([] if len(ARN) <= 66 else [f"    {ARN}"]),
            "  key ID      a-kid",
            "  bucket      irsa-prod",
            "  actions     s3:CreateBucket",
            "              file:CreatePrivateKey",
            "              s3:PutObject (2 times)",
            "              iam:CreateOpenIDConnectProvider",
            "✓ verified    ok: 1 passed",
            "→ Next: start kube-apiserver with these flags, on each control-plane node:",
            f"    {FLAGS[0]}",
            f"    {FLAGS[1]}",
            "  If the cluster is running already, these flags alone would invalidate all its",
            "  tokens: set irsa_issuer_former_issuers to its present issuers, and run this",
            "  again. Leave --api-audiences as it is.",
            "  Then check that AWS accepts a pod's token:",
            "    ansible-playbook selfhosted.irsa.verify \\",
            f"      -e irsa_verify_issuer={ISSUER} \\",
            "      -e irsa_verify_token_path=TOKEN -e irsa_verify_role_arn=ROLE \\",
            "      -e irsa_verify_assume_role=true",
        ]

    def test_unchanged_issuer_has_its_flags_and_nothing_to_do(self):
        lines = printed(provisioned(result()))
        assert lines[0] == "✓ ok: nothing had to change"
        assert lines[-3:] == [
            "→ Next: nothing to do, if kube-apiserver has these flags:",
            f"    {FLAGS[0]}",
            f"    {FLAGS[1]}",
        ]

    def test_repaired_issuer_needs_no_new_flags(self):
        lines = provisioned(result(actions=["s3:PutObject"], changed=True))
        assert printed(lines)[0] == "✓ changed: 1 action"
        assert not any("is running already" in line.text for line in lines)
        assert any("nothing to do, if kube-apiserver" in line.text for line in lines)

    def test_check_mode_says_what_would_change_and_to_run_it(self):
        lines = printed(provisioned(created(kid=None, checks=None), check_mode=True))
        assert lines[0] == "~ would change: 5 actions"
        assert "  key ID      not known until the key is created" in lines
        assert "- verified    not in this run" in lines
        assert any(line.startswith("→ Next: run this again without --check.") for line in lines)
        assert not any("irsa_verify_issuer" in line for line in lines)

    def test_check_mode_without_a_change_has_nothing_to_do(self):
        lines = printed(provisioned(result(), check_mode=True))
        assert lines[0] == "✓ ok: nothing would change"
        assert any(line.startswith("→ Next: nothing to do") for line in lines)

    def test_documents_that_are_not_served_yet_are_the_next_step(self):
        lines = printed(provisioned(created(provider_arn=None, bucket=None, checks=ODD_CHECKS)))
        assert "  provider    not registered, because the documents are not served yet" in lines
        assert not any(line.startswith("  bucket ") for line in lines)
        assert lines[-8:] == [
            "→ Next: serve these two texts to everyone as application/json, then run this",
            "        again:",
            "    irsa_issuer_result.jwks_json at",
            f"      {ISSUER}/keys.json",
            "    irsa_issuer_result.discovery_json at",
            f"      {ISSUER}/.well-known/openid-configuration",
            "  To get them as files, set irsa_issuer_documents_path to a folder on the",
            "  controller.",
        ]

    def test_documents_in_a_folder_are_to_be_served_from_there(self):
        lines = printed(provisioned(created(provider_arn=None, bucket=None, documents_path="/srv/site")))
        assert lines[-6:] == [
            "→ Next: serve these two files to everyone as application/json, then run this",
            "        again:",
            "    /srv/site/keys.json at",
            f"      {ISSUER}/keys.json",
            "    /srv/site/.well-known/openid-configuration at",
            f"      {ISSUER}/.well-known/openid-configuration",
        ]

    def test_documents_that_are_not_served_yet_are_the_next_step_of_a_dry_run_without_a_change(self):
        lines = printed(provisioned(result(provider_arn=None, bucket=None), check_mode=True))
        assert any("serve these two texts" in line for line in lines)

    def test_dry_run_of_an_issuer_that_is_served_by_other_means_must_be_repeated_without_check(self):
        lines = printed(provisioned(created(provider_arn=None, bucket=None, checks=None), check_mode=True))
        assert any(line.startswith("→ Next: run this again without --check.") for line in lines)

    def test_findings_are_printed_in_full(self):
        lines = printed(provisioned(result(checks=ODD_CHECKS)))
        start = lines.index("! verified    degraded: 1 passed, 1 warning")
        assert lines[start + 1 : start + 4] == [
            "! warning: jwk-kid: A kid is odd.",
            "    likely cause: A cause.",
            "    remedy: Publish it again.",
        ]

    @pytest.mark.parametrize("values", [result(checks=ODD_CHECKS), created(checks=ODD_CHECKS)], ids=["old", "new"])
    def test_remedies_of_findings_are_the_next_step(self, values):
        lines = printed(provisioned(values))
        start = lines.index("→ Next: follow the remedies above, then run this again. kube-apiserver needs")
        assert lines[start + 1 : start + 4] == ["        these flags:", f"    {FLAGS[0]}", f"    {FLAGS[1]}"]
        assert not any("nothing to do" in line for line in lines)

    def test_every_check_is_listed_on_demand(self):
        assert "✓ ok: dns-resolve: It resolves." in printed(provisioned(result(), verbose=True))
        assert "✓ ok: dns-resolve: It resolves." not in printed(provisioned(result()))


class TestFleet:
    def test_few_clusters_have_a_block_each(self):
        lines = printed(provisioned(created(), result()))
        assert [line for line in lines if line.startswith(("✓ prod", "✓ 2"))] == [
            "✓ prod-0: changed: 5 actions",
            "✓ prod-1: ok: nothing had to change",
            "✓ 2 clusters: 1 changed, 1 unchanged",
        ]
        assert lines.count(f"    {FLAGS[0]}") == 1  # only a new issuer's
        assert lines[-1].strip().endswith("above.")
        assert not any("key files for the API servers" in line for line in lines)
        assert "    /keys/sa.key to /etc/kubernetes/pki/sa.key, mode 0600" in printed(
            provisioned(created(apiserver_key_files=KEY_FILES), result())
        )

    def test_many_clusters_have_a_line_each(self):
        lines = printed(provisioned(*[result()] * (MANY + 1)))
        assert len(lines) == MANY + 3
        assert lines[-1] == "→ Next: nothing to do."

    def test_many_clusters_still_have_their_findings(self):
        lines = printed(provisioned(*[result()] * MANY, created(checks=ODD_CHECKS)))
        assert "! warning: jwk-kid: A kid is odd." in lines
        assert any(f"remedies above for prod-{MANY}" in line for line in lines)
        assert "irsa_issuer_result.apiserver_flags" in " ".join(lines)

    def test_many_clusters_are_printed_in_full_on_demand(self):
        lines = printed(provisioned(*[result()] * (MANY + 1), verbose=True))
        assert lines.count(f"    {FLAGS[0]}") == MANY + 1

    def test_hosts_without_a_result_are_named(self):
        lines = printed(provision_lines({"one": result()}, failed=["two", "three"]))
        assert "✗ failed: two, three (see the errors above)" in lines
        assert "✗ 3 clusters: 1 unchanged, 2 failed" in lines

    @pytest.mark.parametrize("check_mode", [False, True])
    def test_hosts_without_a_result_must_be_run_again(self, check_mode):
        lines = printed(provision_lines({"one": result()}, failed=["two", "three"], check_mode=check_mode))
        assert lines[-1] == "→ Next: correct the errors of two, three, then run this again."

    def test_plan_of_the_others_must_wait_until_the_errors_are_corrected(self):
        lines = printed(provision_lines({"one": created()}, failed=["two"], check_mode=True))
        assert lines[-1] == "→ Next: correct the errors of two, then run this again."

    def test_errors_come_before_the_other_next_steps(self):
        lines = printed(provision_lines({"one": created()}, failed=["two"]))
        assert [line for line in lines if line.startswith("→ ")] == [
            "→ Next: correct the errors of two, then run this again.",
            "→ Next: copy the key files of each new cluster to its control-plane nodes, and",
        ]

    def test_check_mode_counts_what_would_change(self):
        lines = printed(provisioned(created(), result(), check_mode=True))
        assert lines[-2:] == ["~ 2 clusters: 1 would change, 1 unchanged", "→ Next: run this again without --check."]

    def test_documents_that_are_not_served_yet_are_the_next_step(self):
        lines = printed(provisioned(created(provider_arn=None), result()))
        assert any("serve the documents of prod-0 as the warnings say" in line for line in lines)

    @pytest.mark.parametrize("verbose", [False, True])
    def test_next_step_is_last(self, verbose):
        lines = provisioned(created(), result(checks=ODD_CHECKS), verbose=verbose)
        assert lines[-1].status == NEXT


class TestObjects:
    DOCUMENTS = ("keys.json", ".well-known/openid-configuration")

    def actions(self, written, *actions):
        documents = [{"key": key, "changed": key in written} for key in self.DOCUMENTS]
        lines = printed(provisioned(result(actions=[*actions], changed=True, documents=documents)))
        return [line for line in lines if "s3:PutObject" in line]

    def test_actions_on_objects_say_which(self):
        assert self.actions(self.DOCUMENTS, *["s3:PutObject"] * 2) == [
            "  actions     s3:PutObject (keys.json, .well-known/openid-configuration)"
        ]
        assert self.actions(["keys.json"], "s3:PutObject") == ["  actions     s3:PutObject (keys.json)"]

    def test_a_repeated_action_is_counted(self):
        assert self.actions(["keys.json"], *["s3:PutObject"] * 3) == ["  actions     s3:PutObject (3 times)"]


class TestTeardown:
    REMOVED = ("iam:DeleteOpenIDConnectProvider", "s3:DeleteObject", "s3:DeleteObject")

    def removed(self, **more):
        documents = [{"key": key, "changed": True} for key in ("keys.json", ".well-known/openid-configuration")]
        values = {"issuer": ISSUER, "provider_arn": ARN, "bucket": "irsa-prod", "actions": [*self.REMOVED]}
        values = {**values, "documents": documents, "kept": ["bucket irsa-prod"]}
        return {**values, "changed": True, **more}

    def test_teardown_says_what_was_removed_in_order_and_what_was_kept(self):
        lines = printed(teardown_lines(self.removed(), kept_key="/keys/sa.key on node"))
        assert lines[0] == "✓ changed: 3 actions"
        start = lines.index("  removed     iam:DeleteOpenIDConnectProvider")
        assert lines[start + 1 :] == [
            "              s3:DeleteObject (.well-known/openid-configuration, keys.json)",
            "  kept        bucket irsa-prod, so that nobody else can take its name (to delete",
            "              it, set irsa_issuer_delete_bucket=true)",
            "              key /keys/sa.key on node, since API servers may still sign with it",
            "              (to delete its files, set irsa_issuer_delete_key=true)",
            "→ Next: remove the issuer from kube-apiserver's flags. AWS no longer accepts",
            "        tokens of this issuer, so you can delete roles that trust only its",
            "        provider.",
        ]

    def test_nothing_is_kept_where_everything_was_to_go(self):
        lines = teardown_lines(self.removed(kept=[]))
        assert not any(line.label.startswith("kept") for line in lines)

    def test_a_jwks_that_may_be_of_others_is_kept(self):
        lines = teardown_lines(self.removed(kept=["s3://irsa-prod/keys.json"]))
        assert any("s3://irsa-prod/keys.json, since it may not be this issuer's" in line.text for line in lines)

    def test_check_mode_removes_nothing(self):
        lines = printed(teardown_lines(self.removed(), check_mode=True))
        assert lines[0] == "~ would change: 3 actions"
        assert any(line.startswith("  would remove") for line in lines)
        assert lines[-1] == "→ Next: run this again without --check."

    def test_second_run_has_nothing_to_do(self):
        documents = [{"key": "keys.json", "changed": False}]
        lines = printed(teardown_lines(self.removed(actions=[], changed=False, documents=documents)))
        assert lines[0] == "✓ ok: nothing had to change"
        assert lines[-3] == "→ Next: nothing to do, if this is the issuer that you meant. If not, correct"

    def test_cluster_of_a_fleet_is_named(self):
        assert teardown_lines(self.removed(), host="prod")[0].text == "prod: changed: 3 actions"
