# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people and programs see of provision, teardown and verify: the lines, with every stdout callback."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from accounts import Account
from playbooks import HERE, Operator, Run
from rehearsal import Rehearsal

MARKED = re.compile("[✓~!✗→-] ")
# Each block of lines begins with one of these.
HEADING = re.compile(
    r"[✓~!✗] (\S+: )?(ok|changed|would change|degraded|broken|not verified|failed): |  cluster +verdict "
)

# Stands for ansible.posix.json: the results of all tasks as one document, and nothing else on stdout.
JSON_CALLBACK = '''
"""
DOCUMENTATION:
  name: all_as_json
  type: stdout
"""
import json
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "all_as_json"

    def __init__(self):
        super().__init__()
        self._tasks = []

    def v2_runner_on_ok(self, result):
        self._tasks.append({"task": result.task.name, "result": result.result})

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.v2_runner_on_ok(result)

    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps({"tasks": self._tasks}, default=str))
'''


def blocks(run: Run) -> list[list[str]]:
    """The lines of this collection in what a run printed, by the task that printed them."""
    found: list[list[str]] = []
    inside = False
    for line in run.output.splitlines():
        if not inside and HEADING.match(line):
            found.append([])
            inside = True
        inside = inside and bool(MARKED.match(line) or line.startswith("  "))
        if inside:
            found[-1].append(line)
    return found


def block(run: Run) -> list[str]:
    found = blocks(run)
    assert len(found) == 1, run.output
    return found[0]


def assert_fits(lines: list[str], width: int = 80) -> None:
    """No line is longer, unless it is a single word or begins with a flag of a command, neither of which is broken."""
    for line in lines:
        assert len(line) <= width or len(line.split()) == 1 or line.strip().startswith("-"), line


def as_json(operator: Operator) -> dict[str, str]:
    """The environment in which the results are printed as JSON."""
    folder = operator.folder / "json_callback"
    folder.mkdir(exist_ok=True)
    (folder / "all_as_json.py").write_text(JSON_CALLBACK, encoding="utf-8")
    plugins = f"{HERE / 'callback_plugins'}:{folder}"
    return {"ANSIBLE_CALLBACK_PLUGINS": plugins, "ANSIBLE_STDOUT_CALLBACK": "all_as_json"}


def json_of(run: Run, task: str) -> dict[str, Any]:
    """What a run printed as JSON of one task; nothing else may be in its output."""
    (result,) = (each["result"] for each in json.loads(run.output)["tasks"] if each["task"] == task)
    return dict(result["clusters"])


SHOW = "Show the result"
CALLBACKS = {
    "oneline": {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.oneline"},
    "YAML results": {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"},
    "skipped hosts hidden": {"ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false"},
}


@pytest.fixture(scope="module")
def owner(new_operator: Callable[[], Operator]) -> Operator:
    operator = new_operator()
    operator.variables = {"irsa_issuer_bucket": "irsa-printed", "irsa_issuer_key_path": str(operator.key)}
    return operator


@pytest.fixture(scope="module")
def first(owner: Operator) -> Run:
    return owner.provision().ok()


@pytest.fixture(scope="module")
def unchanged(owner: Operator, first: Run) -> Run:
    return owner.provision().ok()


@pytest.fixture(scope="module")
def minimal(owner: Operator, first: Run) -> Run:
    return owner.provision(environment={"ANSIBLE_STDOUT_CALLBACK": "minimal"}).ok()


class TestProvision:
    def test_dry_run_says_what_would_be_done_and_ends_with_the_next_step(self, operator: Operator) -> None:
        variables = {"irsa_issuer_bucket": "irsa-planned", "irsa_issuer_key_path": str(operator.key)}
        lines = block(operator.provision("--check", variables=variables).ok())
        assert lines[0] == "~ would change: 9 actions"
        assert "→ Next: run this again without --check. Then kube-apiserver needs these flags:" in lines
        assert_fits(lines)

    def test_lines_of_the_first_run_have_everything_that_is_needed(self, first: Run) -> None:
        lines, result = block(first), first.result
        text = "\n".join(lines)
        assert lines[0] == "✓ changed: 9 actions"
        for value in (result["issuer"], result["provider_arn"], result["kid"], *result["apiserver_flags"]):
            assert value in text
        assert set(re.findall(r"(?:s3|iam|file):\w+", text)) == set(result["actions"])
        assert f"✓ verified    {result['verification'].splitlines()[0]}" in lines
        assert_fits(lines)

    def test_lines_of_the_first_run_end_with_the_next_step(self, first: Run) -> None:
        lines = block(first)
        (step,) = (number for number, line in enumerate(lines) if line.startswith("→ Next: "))
        assert "copy the key files" in lines[step]
        start = next(number for number, line in enumerate(lines) if "start kube-apiserver with these flags" in line)
        assert lines[start + 1 : start + 5] == [f"    {flag}" for flag in first.result["apiserver_flags"]]
        assert "selfhosted.irsa.verify" in " ".join(lines[step:])

    def test_unchanged_issuer_is_said_to_be(self, unchanged: Run) -> None:
        lines = block(unchanged)
        assert lines[0] == "✓ ok: nothing had to change"
        assert "→ Next: nothing to do, if kube-apiserver has these flags:" in lines

    @pytest.mark.parametrize("environment", CALLBACKS.values(), ids=CALLBACKS)
    def test_lines_are_the_same_with_every_callback(
        self, owner: Operator, unchanged: Run, environment: dict[str, str]
    ) -> None:
        assert block(owner.provision(environment=environment).ok()) == block(unchanged)

    def test_lines_are_the_same_with_the_minimal_callback(self, minimal: Run, unchanged: Run) -> None:
        assert block(minimal) == block(unchanged)

    def test_result_is_not_printed_a_second_time(self, owner: Operator, minimal: Run) -> None:
        for run in (minimal, owner.provision("-v").ok()):
            after = run.output.split("--service-account-jwks-uri=", 1)[1].split("PLAY RECAP")[0]
            assert "clusters" not in after, after

    def test_nothing_is_lost_from_the_result(self, first: Run) -> None:
        (values,) = first.clusters(SHOW).values()
        names = ("issuer", "provider_arn", "kid", "bucket", "apiserver_flags", "actions", "verification", "checks")
        assert {name: values[name] for name in names} == {name: first.result[name] for name in names}

    def test_json_callback_prints_json_only_and_all_of_the_result(self, owner: Operator, unchanged: Run) -> None:
        run = owner.provision(environment=as_json(owner)).ok()
        assert json_of(run, SHOW) == unchanged.clusters(SHOW)

    def test_narrow_terminal_is_respected(self, owner: Operator, unchanged: Run) -> None:
        lines = block(owner.provision(environment={"COLUMNS": "50"}).ok())
        assert_fits(lines, 50)
        assert " ".join(" ".join(lines).split()) == " ".join(" ".join(block(unchanged)).split())

    def test_colors_are_those_of_ansible_and_the_log_file_has_none(self, owner: Operator, first: Run) -> None:
        log = owner.folder / "ansible.log"
        environment = {"ANSIBLE_NOCOLOR": "false", "ANSIBLE_FORCE_COLOR": "true", "ANSIBLE_LOG_PATH": str(log)}
        run = owner.provision(environment=environment).ok()
        assert "\x1b[0;32m✓ ok: nothing had to change\x1b[0m\n" in run.output
        assert "✓ ok: nothing had to change\n" in log.read_text(encoding="utf-8")
        assert "\x1b" not in log.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def fleet(new_operator: Callable[[], Operator]) -> Run:
    operator = new_operator()
    variables = {
        "irsa_issuer_bucket": "irsa-fleet",
        "irsa_issuer_prefix": "{{ inventory_hostname }}",
        "irsa_issuer_key_path": f"{operator.keys}/{{{{ inventory_hostname }}}}.key",
    }
    hosts: dict[str, dict[str, Any]] = {"alpha": {}, "beta": {}, "wrong": {"irsa_issuer_account_id": "12"}}
    # With this strategy for the play, a host would reach its end before the others had a result.
    return operator.provision(hosts=hosts, variables=variables, environment={"ANSIBLE_STRATEGY": "free"})


class TestFleet:
    def test_each_cluster_has_a_block_with_its_flags(self, fleet: Run) -> None:
        lines = block(fleet)
        headings = [line for line in lines if re.match(r"[✓✗] (alpha|beta|wrong|failed|\d)", line)]
        assert [re.sub(r"\d+ actions?", "N actions", line) for line in headings] == [
            "✓ alpha: changed: N actions",
            "✓ beta: changed: N actions",
            "✗ failed: wrong (see the errors above)",
            "✗ 3 clusters: 2 changed, 1 failed",
        ]
        for result in fleet.results.values():
            assert {f"    {flag}" for flag in result["apiserver_flags"]} <= set(lines)
        assert_fits(lines)

    def test_next_step_is_last(self, fleet: Run) -> None:
        assert any(line.startswith("→ Next: ") for line in block(fleet)[-2:])


class TestTeardown:
    def test_what_was_removed_and_kept_is_printed_and_the_next_step_last(self, operator: Operator) -> None:
        issuer = Rehearsal(Account(operator.sandbox), operator.key, "irsa-removed")
        issuer.run()
        operator.variables = issuer.variables
        planned = block(operator.teardown("--check").ok())
        run = operator.teardown().ok()
        lines = block(run)
        assert (planned[0], lines[0]) == ("~ would change: 3 actions", "✓ changed: 3 actions")
        assert "  removed     iam:DeleteOpenIDConnectProvider" in lines
        kept = " ".join(" ".join(lines).split())
        assert "kept bucket irsa-removed, so that nobody else can take its name (to delete it, set" in kept
        assert f"key {operator.key} on localhost, since API servers may still sign with it" in kept
        # One task removes the issuer, and one sets the result for the following plays.
        assert run.output.count("TASK [") == 4
        assert any(line.startswith("→ Next: ") for line in lines[-3:])
        assert_fits([*planned, *lines])
        (values,) = run.clusters("Show what was removed").values()
        assert values["actions"] == run.actions

        # The key is nowhere to be found in what a removal needs.
        nothing = {"irsa_issuer_bucket": "irsa-removedd", "irsa_issuer_key_path": None}
        (warning,) = operator.teardown(variables=nothing).ok().warnings
        assert "Nothing of the issuer https://irsa-removedd.s3." in warning and "no bucket irsa-removedd" in warning
        again = operator.teardown(environment=as_json(operator), variables={"irsa_issuer_delete_bucket": True}).ok()
        assert json_of(again, "Show what was removed")["localhost"]["actions"] == ["s3:DeleteBucket"]


@pytest.fixture(scope="module")
def verification(lacking_a_key: Operator) -> Run:
    return lacking_a_key.verify()


FOUND = "Report"


class TestVerify:
    def test_what_is_right_is_counted_and_what_is_wrong_is_in_full(self, verification: Run) -> None:
        assert verification.exit_code == 2
        lines = block(verification)
        assert lines[0].startswith("✗ broken: ")
        assert any(re.match(r"✗ keys +\d+ of \d+$", line) for line in lines)
        assert "✓ STS         1 of 1" in lines
        assert lines[-1] == "→ Next: start with kid-expected, then verify again."
        assert_fits(lines)
        text = " ".join(" ".join(lines).split())
        (error,) = (
            check for check in verification.clusters(FOUND)["localhost"]["checks"] if check["status"] == "error"
        )
        for part in (f"error: kid-expected: {error['seen']}", error["cause"], error["remedy"]):
            assert part in text
        assert "ok: " not in text

    def test_every_check_is_listed_with_v(self, lacking_a_key: Operator, verification: Run) -> None:
        detailed = lacking_a_key.verify("-v")
        lines = block(detailed)
        checks = detailed.clusters(FOUND)["localhost"]["checks"]
        assert len(checks) > 20
        text = " ".join(" ".join(lines).split())
        for check in checks:
            assert f"{check['status']}: {check['id']}: {check['seen']}" in text
        assert_fits(lines)

    @pytest.mark.parametrize("callback", ["minimal", "oneline"])
    def test_lines_are_the_same_with_every_callback(
        self, lacking_a_key: Operator, verification: Run, callback: str
    ) -> None:
        other = lacking_a_key.verify(environment={"ANSIBLE_STDOUT_CALLBACK": callback})
        assert block(other) == block(verification)

    def test_json_callback_prints_json_only_and_all_of_the_result(
        self, lacking_a_key: Operator, verification: Run
    ) -> None:
        printed = json_of(lacking_a_key.verify(environment=as_json(lacking_a_key)), FOUND)["localhost"]
        values = verification.clusters(FOUND)["localhost"]
        assert printed.keys() == values.keys() >= {"issuer", "verdict", "diagnosis", "checks", "report"}
        assert [check["id"] for check in printed["checks"]] == [check["id"] for check in values["checks"]]

    def test_fleet_ends_with_a_table_of_80_columns(self, lacking_a_key: Operator) -> None:
        hosts: dict[str, dict[str, Any]] = {
            "sound": {"expected": []},
            "broken-in-a-region-far-away": {"expected": ["x"]},
            "none": {"route": "x:99999"},
        }
        variables = {
            **lacking_a_key.variables,
            "irsa_verify_connect_to": "{{ route | default('') }}",
            "irsa_verify_expected_kids": "{{ expected | default([]) }}",
        }
        details, table = blocks(lacking_a_key.verify(hosts=hosts, variables=variables))
        assert_fits([*details, *table])
        assert [line.split()[1] for line in table if line[0] in "✓✗"] == [*hosts, "3"]
        assert "3 clusters: 1 ok, 1 broken, 1 not verified" in " ".join(table)
        assert any(line.startswith("→ Next: ") for line in table[-2:])
        assert "✗ none: not verified: " in "\n".join(details)

    def test_no_control_character_reaches_the_terminal(self, operator: Operator) -> None:
        run = operator.verify(variables={"irsa_verify_issuer": "https://irsa.example.com/\x1b[2J\x07"})
        assert run.exit_code == 2
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", run.output)
