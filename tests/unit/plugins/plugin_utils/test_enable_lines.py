# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbook enable prints."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.plugin_utils._enable_lines import (
    actions_of,
    enable_lines,
    plan_lines,
    would_change,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import printed

HOST = "irsa.s3.eu-west-1.amazonaws.com"
ISSUER = f"https://{HOST}"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{HOST}"
ROLE = "arn:aws:iam::123456789012:role/reader"
ACCEPTED = {"id": "sts-assume", "status": "ok", "seen": "STS gave credentials.", "cause": None, "remedy": None}
WAITING = {
    "id": "pods-without-credentials",
    "status": "warning",
    "seen": "1 pod runs without credentials: shop/web-1.",
    "cause": "It started before its account had a role.",
    "remedy": "Restart it.",
}
REFUSED = {"id": "sts-assume", "status": "error", "seen": "AccessDenied.", "cause": "A cause.", "remedy": "A remedy."}


def results(*, changed=False, servers=1, restarts=1, proof=(), **more):
    def part(*actions):
        return {"changed": changed, "actions": list(actions) if changed else []}

    def server(name):
        actions = [f"{name}:write /etc/kubernetes/manifests/kube-apiserver.yaml", f"{name}:restart kube-apiserver"]
        issuers = {"before": ["https://old"], "after": [ISSUER, "https://old"]}
        return {**part(*actions * restarts), "issuers": issuers, "signing_kid": "kid-1"}

    names = [f"node{number}" for number in range(1, servers + 1)]
    return {
        "issuer": {**part("s3:CreateBucket"), "issuer": ISSUER, "provider_arn": PROVIDER, "keys": [{"kid": "kid-1"}]},
        "servers": {name: server(name) for name in names},
        "injection": {**part("k8s:apply MutatingAdmissionPolicy/irsa-inject"), "method": "policy", "warnings": []},
        "accounts": [
            {
                **part("iam:CreateRole reader"),
                "namespace": "shop",
                "name": "reader",
                "role_arn": ROLE,
                "state": "present",
            }
        ],
        "proof": {"checks": list(proof)} if proof else {},
        **more,
    }


def texts(lines):
    return [line.text for line in lines]


class TestPlan:
    def test_nothing_to_do_is_no_plan(self):
        assert plan_lines(results()) == []

    def test_in_full(self):
        assert printed(plan_lines(results(changed=True), check_mode=True)) == [
            "~ would change: 5 actions",
            f"  issuer      {ISSUER}",
            "  provider",
            f"    {PROVIDER}",
            "  key ID      kid-1",
            "! restarts    1 API server restarts",
            "  injection   policy",
            f"  accounts    shop/reader: {ROLE}",
            "  actions     s3:CreateBucket",
            "              node1:write /etc/kubernetes/manifests/kube-apiserver.yaml",
            "              node1:restart kube-apiserver",
            "              k8s:apply MutatingAdmissionPolicy/irsa-inject",
            "              iam:CreateRole reader",
            "→ Next: run this again without --check.",
        ]

    def test_a_run_shows_it_too_before_anything_happens(self):
        first, *_rest, last = texts(plan_lines(results(changed=True)))
        assert first == "plan: 5 actions"
        assert last == "iam:CreateRole reader"

    @pytest.mark.parametrize(
        ("servers", "restarts", "text"),
        [
            (3, 0, "none"),
            (3, 1, "3 API servers restart, one at a time"),
            (1, 1, "1 API server restarts"),
            (
                3,
                2,
                "3 API servers restart, one at a time, each of them twice: to accept the issuer, then to sign for it",
            ),
        ],
    )
    def test_restarts_are_announced(self, servers, restarts, text):
        assert text in texts(plan_lines(results(changed=True, servers=servers, restarts=restarts)))

    def test_restarts_of_controller_managers_are_announced_too(self):
        planned = results(changed=True, servers=3, restarts=2)
        for name, server in planned["servers"].items():
            server["actions"].append(f"{name}:restart kube-controller-manager")
        [text] = [text for text in texts(plan_lines(planned)) if text.startswith("3 API servers restart")]
        assert text.endswith(", then to sign for it; 3 controller managers restart")
        for server in planned["servers"].values():
            server["actions"].clear()
        planned["servers"]["node2"]["actions"] = ["node2:restart kube-controller-manager"]
        assert "1 controller manager restarts" in texts(plan_lines(planned))

    def test_restarts_are_not_mentioned_without_servers(self):
        assert not [line for line in plan_lines(results(changed=True, servers=0)) if "restart" in line.label]


class TestResult:
    def test_unchanged_and_proved(self):
        assert printed(enable_lines(results(proof=[ACCEPTED]))) == [
            "✓ ok: nothing had to change",
            f"  issuer      {ISSUER}",
            "  provider",
            f"    {PROVIDER}",
            "  key ID      kid-1",
            "  servers     node1: signs for this issuer",
            "  injection   policy",
            f"  accounts    shop/reader: {ROLE}",
            "✓ proof       ok: 1 passed",
            "              STS gave credentials.",
            "→ Next: nothing to do.",
        ]

    def test_changed(self):
        assert enable_lines(results(changed=True))[0].text == "changed: 5 actions"

    def test_pods_to_restart_come_last(self):
        lines = printed(enable_lines(results(changed=True, proof=[WAITING, ACCEPTED])))
        assert lines[-5:] == [
            "→ Next: restart the pods that started before and have no credentials:",
            "! warning: pods-without-credentials: 1 pod runs without credentials: shop/web-1.",
            "    likely cause: It started before its account had a role.",
            "    remedy: Restart it.",
            "    see: docs/troubleshooting.md#pods-without-credentials",
        ]
        assert "✓ proof       ok: 1 passed" in lines

    def test_what_the_servers_need_later_is_said_once(self):
        servers = {name: {**results()["servers"]["node1"], "next": ["Mind upgrades."]} for name in ("node1", "node2")}
        lines = texts(enable_lines(results() | {"servers": servers}))
        assert lines[-2:] == ["nothing to do.", "Mind upgrades."]

    def test_refused(self):
        lines = texts(enable_lines(results(proof=[REFUSED])))
        assert "error: sts-assume: AccessDenied." in lines
        assert lines[-1] == "follow the remedies above, then run this again."

    def test_no_proof(self):
        lines = texts(enable_lines(results()))
        assert "none in this run, since irsa_kubeconfig is not set" in lines
        assert lines[-1] == "nothing to do."

    def test_manifests_to_apply(self):
        manifests = {"to_apply": ["my manifests/a.yaml", "b.yaml"], "lacking": ["ServiceAccount/shop/reader"]}
        assert printed(enable_lines(results(manifests=manifests)))[-6:] == [
            "- proof       none in this run, since the manifests are not applied",
            "→ Next: apply the manifests, or have them applied. Their first lines say more.",
            "    kubectl apply --server-side --filename 'my manifests/a.yaml'",
            "    kubectl apply --server-side --filename b.yaml",
            "  The cluster lacks ServiceAccount/shop/reader.",
            "  Then run this again: it proves that AWS accepts the tokens.",
        ]

    def test_a_webhook_is_named_with_the_end_of_its_certificate(self):
        certificates = {"kind": "own", "ca_ends": "2036-11-24T12:00:00Z", "certificate_ends": "2031-11-26T12:00:00Z"}
        injection = {"changed": False, "method": "webhook", "certificates": certificates, "warnings": []}
        lines = texts(enable_lines(results(injection=injection)))
        assert "webhook, with a certificate until 2031-11-26T12:00:00Z" in lines

    def test_each_warning_once(self):
        injection = {"changed": False, "warnings": ["Mind this.", "Mind this."]}
        assert texts(enable_lines(results(injection=injection))).count("Mind this.") == 1

    def test_an_account_that_loses_its_role(self):
        account = {"namespace": "shop", "name": "old", "state": "absent", "changed": True}
        assert "shop/old: without a role" in texts(enable_lines(results(accounts=[account])))

    def test_an_account_that_moves_to_another_role_has_that_one(self):
        moved = {"namespace": "shop", "name": "reader", "state": "absent", "changed": True}
        lines = texts(enable_lines(results(accounts=[moved, *results()["accounts"]])))
        assert f"shop/reader: {ROLE}" in lines
        assert "shop/reader: without a role" not in lines

    def test_the_file_of_an_empty_list(self):
        given = results(accounts=[], no_accounts={"changed": True, "actions": ["file:write x"]})
        assert would_change(given)
        assert any("file:write x" in text for text in texts(plan_lines(given)))


class TestByHand:
    def lines(self, *servers, **more):
        return printed(enable_lines(results(servers=0, by_hand=servers, **more)))

    def next_lines(self, *servers):
        lines = self.lines(*servers)
        return lines[next(number for number, line in enumerate(lines) if line.startswith("→ Next")) :]

    def test_one_server_does_it_in_one_step(self):
        assert self.next_lines(by_hand("node1", "https://old")) == [
            "→ Next: replace every --service-account-issuer of kube-apiserver by these flags.",
            "    node1:",
            f"      --service-account-issuer={ISSUER}",
            "      --service-account-issuer=https://old",
            "  Then run this again: it proves that AWS accepts the tokens.",
        ]

    def test_several_servers_accept_first(self):
        lines = self.next_lines(by_hand("node1", "https://old"), by_hand("node2", "https://old", ISSUER))
        assert lines[1:10] == [
            "  to accept the issuer, one server after the other:",
            "    node1:",
            "      --service-account-issuer=https://old",
            f"      --service-account-issuer={ISSUER}",
            "  to sign for it, one server after the other:",
            "    node1:",
            f"      --service-account-issuer={ISSUER}",
            "      --service-account-issuer=https://old",
            "    node2:",
        ]
        assert any(line.startswith("  Begin with the second part when every server") for line in lines)

    def test_flags_that_are_not_known_are_kept(self):
        lines = self.next_lines(
            by_hand("node1", "https://old"), by_hand("10.0.0.2:6443", "https://old", complete=False)
        )
        assert lines == [
            "→ Next: change --service-account-issuer of kube-apiserver. From here, not all",
            "        flags of each server are known. A server that is given an issuer twice",
            "        does not start.",
            "  to accept the issuer, one server after the other:",
            "    node1:",
            "      --service-account-issuer=https://old",
            f"      --service-account-issuer={ISSUER}",
            "    10.0.0.2:6443: keep its flags, and add this one after them, unless it is",
            "      there:",
            f"      --service-account-issuer={ISSUER}",
            "  to sign for it, one server after the other:",
            "    node1:",
            f"      --service-account-issuer={ISSUER}",
            "      --service-account-issuer=https://old",
            "    10.0.0.2:6443: keep its flags, and make this one the first:",
            f"      --service-account-issuer={ISSUER}",
            "  Begin with the second part when every server has done the first. Otherwise the",
            "  servers that lag behind refuse the tokens of the others.",
            "  Then run this again: it proves that AWS accepts the tokens.",
        ]

    def test_a_single_server_with_unknown_flags_does_it_in_one_step(self):
        assert self.next_lines(by_hand("10.0.0.1:6443", "https://old", complete=False))[3:] == [
            "    10.0.0.1:6443: keep its flags, and make this one the first:",
            f"      --service-account-issuer={ISSUER}",
            "  Then run this again: it proves that AWS accepts the tokens.",
        ]

    def test_servers_that_do_not_answer_have_both_parts(self):
        front = by_hand("lb.example:6443", "https://old", complete=False, front=True)
        lines = self.next_lines(
            front, by_hand("10.0.0.1:6443", complete=False), by_hand("10.0.0.2:6443", complete=False)
        )
        titles = [line.strip().partition(":6443")[0] for line in lines if ":6443" in line or line.startswith("  to ")]
        accept, sign = (f"to {part}, one server after the other:" for part in ("accept the issuer", "sign for it"))
        assert titles == [accept, "10.0.0.1", "10.0.0.2", sign, "10.0.0.1", "10.0.0.2"]

    @pytest.mark.parametrize(
        "servers",
        [
            [("lb.example:6443", ["https://old"], True)],
            [("lb.example:6443", ["https://old"], True), ("10.0.0.1:6443", [], False)],
            [("node1", ["https://old"], False), ("10.0.0.2:6443", [], False)],
        ],
    )
    def test_two_parts_unless_there_is_surely_one_server(self, servers):
        given = [by_hand(name, *issuers, complete=False, front=front) for name, issuers, front in servers]
        lines = self.next_lines(*given)
        assert "  to accept the issuer, one server after the other:" in lines
        behind = any(line.startswith("    each server behind lb.example:6443:") for line in lines)
        assert behind == (len(servers) == 1)
        assert ("only one API server" in " ".join(" ".join(lines).split())) == (servers[0][0] != "node1")

    def test_manifests_are_applied_when_the_servers_sign(self):
        lines = self.lines(by_hand("node1", "https://old"), manifests={"to_apply": ["a.yaml"], "lacking": []})
        assert "- proof       none in this run, since not every API server signs for the issuer" in lines
        assert lines[-5:] == [
            "      --service-account-issuer=https://old",
            "→ Next: when every API server signs for the issuer, apply the manifests, or have",
            "        them applied. Their first lines say more.",
            "    kubectl apply --server-side --filename a.yaml",
            "  Then run this again: it proves that AWS accepts the tokens.",
        ]

    def test_nothing_to_do(self):
        done = by_hand("node1", ISSUER, "https://old")
        assert self.lines(done, proof=[ACCEPTED])[-1] == "→ Next: nothing to do."
        assert self.lines(done, by_hand("10.0.0.2:6443", ISSUER, complete=False))[-1] == "→ Next: nothing to do."

    def test_servers_that_do_not_answer_do_not_keep_a_cluster_from_its_proof(self):
        """Nothing that is done on them would show from here."""
        front = by_hand("lb.example:6443", ISSUER, complete=False, front=True)
        lines = self.lines(front, by_hand("10.0.0.1:6443", complete=False), proof=[ACCEPTED])
        assert lines[-1] == "→ Next: nothing to do."
        assert "              10.0.0.1:6443: its issuer is not known" in lines


def by_hand(name, *issuers, complete=True, front=False):
    return {"name": name, "issuers": issuers, "is_complete": complete, "is_front": front}


@pytest.mark.parametrize("part", ["issuer", "injection"])
def test_one_part_that_changes_is_a_change(part):
    assert not would_change(results())
    assert would_change(results(**{part: {**results()[part], "changed": True}}))


def test_actions_are_those_of_all_parts_in_their_order():
    assert [action.partition(":")[0] for action in actions_of(results(changed=True))] == [
        *("s3", "node1", "node1", "k8s", "iam"),
    ]
