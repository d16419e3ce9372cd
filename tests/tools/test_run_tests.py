# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides whether a run is green."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from counts import Counts
from run_tests import run, run_plan
from suites import Plan, Step

PASSED = "<testcase/>"
FAILED = "<testcase><failure/></testcase>"
BROKEN = "<testcase><error/></testcase>"
FAILED_AND_BROKEN = "<testcase><failure/><error/></testcase>"
SKIPPED = "<testcase><skipped/></testcase>"


def step(folder: Path, exit_code: int, report: str | None) -> Step:
    """A step that leaves report, if any, and ends with exit_code."""
    file = folder / "report.xml"
    script = f"import pathlib, sys; report = {report!r}\n"
    script += f"if report is not None: pathlib.Path({str(file)!r}).write_text(report)\nsys.exit({exit_code})"
    return Step(title="step", command=[sys.executable, "-c", script], reports=folder)


@pytest.mark.parametrize(
    ("exit_code", "cases", "expected"),
    [
        (0, PASSED + SKIPPED, Counts(passed=1, skipped=1)),
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
