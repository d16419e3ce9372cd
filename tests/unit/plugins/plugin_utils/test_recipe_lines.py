# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbook enable prints for API servers that are not changed on their hosts."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.plugin_utils._enable_lines import enable_lines, plan_lines
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import printed

ISSUER, OLD = "https://new.example.com", "https://old.example.com"


def part(phase, text):
    return {
        "phase": phase,
        "files": [{"name": f"irsa-{phase}.yaml", "text": text}],
        "use": "",
        "commands": [f"talosctl patch @irsa-{phase}.yaml"],
        "restarts": "It restarts.",
    }


def results(*issuers, files=(), changed=False, **given):
    recipe = {
        "distribution": "talos",
        "managed": False,
        "files": [{"path": path, "changed": changed} for path in files],
        "recipe": [part("accept", "cluster:\n  a: 1\n"), part("sign", "cluster:\n  a: 2\n")],
        "next": ["Begin with sign later."],
        "warnings": ["Mind this."],
        "actions": [f"file:write {path}" for path in files] if changed else [],
        "changed": changed,
        **given,
    }
    server = {"name": "node1", "issuers": list(issuers), "is_complete": True, "is_front": False}
    return {
        "issuer": {"issuer": ISSUER, "changed": False, "actions": [], "keys": []},
        "servers": {"talos": recipe},
        "by_hand": [server],
    }


def lines_of(given, **more):
    return [line.strip() for line in printed(enable_lines(given, **more))]


def test_files_and_commands_come_in_the_order_of_their_phases():
    lines = lines_of(results(OLD))
    start = lines.index("→ Next: change the API servers yourself (talos).")
    assert lines[start + 1 :] == [
        "to accept the issuer:",
        "irsa-accept.yaml:",
        "cluster:",
        "a: 1",
        "talosctl patch @irsa-accept.yaml",
        "It restarts.",
        "to sign for the issuer:",
        "irsa-sign.yaml:",
        "cluster:",
        "a: 2",
        "talosctl patch @irsa-sign.yaml",
        "It restarts.",
        "Begin with sign later.",
        "Then run this again: it proves that AWS accepts the tokens.",
    ]
    assert not [line for line in lines if "--service-account-issuer" in line]
    assert "servers     node1: signs for https://old.example.com" in lines


def test_files_that_were_written_are_named_only():
    lines = lines_of(results(OLD, files=["/tmp/out/irsa-accept.yaml", "/tmp/out/irsa-sign.yaml"]))
    assert "/tmp/out/irsa-accept.yaml" in lines
    assert "a: 1" not in lines


def test_how_to_use_files_is_said_before_the_commands():
    given = results(OLD)
    given["servers"]["talos"]["recipe"][0]["use"] = "Merge it."
    lines = lines_of(given)
    assert lines.index("Merge it.") < lines.index("talosctl patch @irsa-accept.yaml")


def test_nothing_is_said_when_all_servers_sign():
    lines = lines_of(results(ISSUER, OLD))
    assert lines[-1] == "→ Next: nothing to do."
    assert "Begin with sign later." not in lines


def test_a_plan_tells_of_files_and_of_no_restart():
    lines = printed(plan_lines(results(OLD, files=["/tmp/out/irsa-accept.yaml"], changed=True)))
    assert any("irsa-accept.yaml" in line for line in lines)
    assert not any("restarts" in line for line in lines)
    assert any("Mind this." in line for line in lines)
