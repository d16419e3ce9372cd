# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides whether a run is green."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import run_tests
import suites
from counts import Counts
from run_tests import Outcome, main, missing_programs, print_summary, run, run_plan, run_plans
from suites import SUITES, Plan, Step, Suite

PASSED = "<testcase/>"
FAILED = "<testcase><failure/></testcase>"
BROKEN = "<testcase><error/></testcase>"
FAILED_AND_BROKEN = "<testcase><failure/><error/></testcase>"
SKIPPED = "<testcase><skipped message='no kubectl'/></testcase>"


def step(folder: Path, exit_code: int, report: str | None) -> Step:
    """A step that leaves report, if any, and ends with exit_code."""
    file = folder / "report.xml"
    script = f"import pathlib, sys; report = {report!r}\n"
    script += f"if report is not None: pathlib.Path({str(file)!r}).write_text(report)\nsys.exit({exit_code})"
    return Step(title="step", command=[sys.executable, "-c", script], reports=folder)


@pytest.mark.parametrize(
    ("exit_code", "cases", "expected"),
    [
        (0, PASSED + SKIPPED, Counts(passed=1, skipped=1, reasons=frozenset({"no kubectl"}))),
        (1, PASSED + FAILED + BROKEN, Counts(passed=1, failed=2)),
        (1, FAILED_AND_BROKEN, Counts(failed=1)),
        pytest.param(1, PASSED, Counts(passed=1, failed=1), id="a failure that no report tells of"),
        pytest.param(0, FAILED, Counts(failed=1), id="a failure that the exit code does not tell of"),
        pytest.param(0, "", Counts(failed=1), id="no test in the report"),
    ],
)
def test_reported_tests_are_counted(tmp_path: Path, exit_code: int, cases: str, expected: Counts) -> None:
    assert run(step(tmp_path, exit_code, f"<testsuites><testsuite>{cases}</testsuite></testsuites>")).counts == expected


@pytest.mark.parametrize("report", [None, "<testsuites><testcase/>"], ids=["no report", "half a report"])
@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_suite_without_a_whole_report_has_failed(tmp_path: Path, exit_code: int, report: str | None) -> None:
    assert run(step(tmp_path, exit_code, report)).counts == Counts(failed=1)


def test_the_report_of_an_earlier_run_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "earlier.xml").write_text(f"<testsuite>{PASSED}</testsuite>", encoding="utf-8")
    assert run(step(tmp_path, 0, None)).counts == Counts(failed=1)


@pytest.mark.parametrize(("exit_code", "expected"), [(0, Counts(passed=1)), (3, Counts(failed=1))])
def test_a_check_counts_as_one_test(exit_code: int, expected: Counts) -> None:
    assert run(Step(title="check", command=[sys.executable, "-c", f"raise SystemExit({exit_code})"])).counts == expected


def test_a_program_that_is_not_there_is_a_failed_test() -> None:
    assert run(Step(title="check", command=["no-such-program-anywhere"])).counts == Counts(failed=1)


def plan(prepare: Callable[[], Step]) -> Plan:
    return Plan(title="step", needs=("old", "lint"), prepare=prepare)


def test_a_step_in_a_broken_environment_is_a_failed_test_and_is_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run_plan(plan(lambda: pytest.fail("prepared")), {"lint": "pip failed"})
    assert outcome.counts == Counts(failed=1)
    assert "Not run: pip failed" in capsys.readouterr().out


def test_a_step_that_cannot_be_prepared_is_a_failed_test(capsys: pytest.CaptureFixture[str]) -> None:
    def prepare() -> Step:
        raise OSError("no space left")

    assert run_plan(plan(prepare), {}).counts == Counts(failed=1)
    assert "Not run: no space left" in capsys.readouterr().out


def test_another_broken_environment_does_not_matter(tmp_path: Path) -> None:
    outcome = run_plan(plan(lambda: step(tmp_path, 0, f"<testsuite>{PASSED}</testsuite>")), {"new": "pip failed"})
    assert outcome.counts == Counts(passed=1)


def test_the_closing_line() -> None:
    assert str(Counts(3, 0)) == "3 passed, 0 failed"
    assert str(Counts(3, 1, 2)) == "3 passed, 1 failed, 2 skipped"


def test_the_cpu_time_of_a_step_is_that_of_all_its_processes() -> None:
    code = "import time\nwhile time.process_time() < {}: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code.format(0.3)!r}]); "
    for is_alone in (True, False):
        outcome = run(Step(title="check", command=[sys.executable, "-c", child]), is_alone=is_alone)
        assert outcome.cpu_seconds >= 0.3


def test_the_closing_line_is_the_last_and_follows_the_reasons_for_skips(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = Counts(passed=1, skipped=2, reasons=frozenset({"no\nPython 3.9", "no kubectl"}))
    monkeypatch.setattr(run_tests, "run_suites", lambda names: [Outcome("unit", counts), Outcome("node", counts)])
    monkeypatch.setattr(sys, "argv", ["run_tests.py", "unit"])
    assert main() == 0
    assert capsys.readouterr().out.splitlines()[-6:] == [
        "",
        "Skipped:",
        "- no Python 3.9",
        "- no kubectl",
        "",
        "2 passed, 0 failed, 4 skipped",
    ]


def test_without_a_skip_no_reasons_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary([Outcome("unit", Counts(passed=1))])
    assert "Skipped" not in capsys.readouterr().out


def test_the_reasons_for_skips_are_read_from_the_report(tmp_path: Path) -> None:
    cases = "".join(f"<testcase><skipped {text}/></testcase>" for text in ('message="no kubectl"',) * 2 + ("",))
    counts = run(step(tmp_path, 0, f"<testsuite>{cases}</testsuite>")).counts
    assert counts == Counts(skipped=3, reasons=frozenset({"no kubectl", "no reason given"}))


def saying(title: str, *, wait_for: Path | None = None, writes: Path | None = None, is_alone: bool = False) -> Plan:
    """A step that says its title, after another step has written a file or before it writes one."""
    script = "import pathlib, time\n"
    if writes:
        script += f"pathlib.Path({str(writes)!r}).touch()\n"
    if wait_for:
        script += f"deadline = time.monotonic() + 60\nwhile not pathlib.Path({str(wait_for)!r}).exists():\n"
        script += "    assert time.monotonic() < deadline\n    time.sleep(0.01)\n"
    command = [sys.executable, "-c", f"{script}print('output of', {title!r})"]
    return Plan(title=title, needs=(), prepare=lambda: Step(title=title, command=command), is_alone=is_alone)


def test_steps_that_leave_a_core_idle_run_beside_each_other(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plans = [saying("long", wait_for=tmp_path / "file"), saying("short", writes=tmp_path / "file")]
    assert [(outcome.title, outcome.counts.passed) for outcome in run_plans(plans, {})] == [("long", 1), ("short", 1)]
    printed = capfd.readouterr().out
    assert "== long\noutput of long\n" in printed and "== short\noutput of short\n" in printed


def test_a_step_that_fills_the_machine_runs_alone(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("first", "second")]
    beside = [saying(file.name, writes=file) for file in files]
    seen: list[bool] = []

    def prepare() -> Step:
        seen.extend(file.exists() for file in files)
        return Step(title="alone", command=[sys.executable, "-c", ""])

    plans = [*beside, Plan(title="alone", needs=(), prepare=prepare, is_alone=True), saying("last")]
    assert [outcome.title for outcome in run_plans(plans, {})] == ["first", "second", "alone", "last"]
    assert seen == [True, True]


def test_a_missing_program_is_a_failed_test_that_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = {"no-such-program-anywhere": "its-package", Path(sys.executable).name: "python"}
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    monkeypatch.setitem(SUITES, "planted", Suite(uses=(), plans=lambda _: iter(()), programs=programs))
    (outcome,) = missing_programs(["planted", "lint"])
    assert outcome.title == "no-such-program-anywhere is not installed (package its-package)"
    assert outcome.counts == Counts(failed=1)


@pytest.mark.parametrize(("codes", "expected"), [((0, 0), 0), ((3, 0), 1), ((0, 3), 1)])
def test_commands_in_one_step_all_run_and_all_count(tmp_path: Path, codes: tuple[int, ...], expected: int) -> None:
    scripts = [
        f"import pathlib, sys; pathlib.Path({str(tmp_path)!r}, '{n}').touch(); sys.exit({code})"
        for n, code in enumerate(codes)
    ]
    command = suites.all_of(*([sys.executable, "-c", script] for script in scripts))
    assert run(Step(title="check", command=command)).counts.failed == expected
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0", "1"]
