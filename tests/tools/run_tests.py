# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the test suites asked for, all of them whatever fails, and closes with a table and the sum of all counts.

Usage: python run_tests.py SUITE...
Environments that the suites need are set up first. A suite counts the tests that it reports as JUnit XML; a check that
reports none counts as one test, by its exit code. What cannot be set up counts as failed, and the rest still runs; an
interpreter that this machine lacks counts as one skipped test.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

from counts import Counts, read_junit
from environments import find_environments
from set_up import set_up
from suites import SUITES, Plan, Step


@dataclass(frozen=True)
class Outcome:
    title: str
    counts: Counts
    seconds: float = 0.0


def run(step: Step) -> Outcome:
    """Run one step, its output going to the terminal, and count what it reports."""
    if step.reports:
        step.reports.mkdir(parents=True, exist_ok=True)
        for stale in step.reports.glob("*.xml"):
            stale.unlink()
    start = time.monotonic()
    try:
        exit_code = subprocess.run(step.command, cwd=step.folder, env=step.environment, check=False).returncode
    except OSError as error:
        print(error)
        exit_code = 127
    return Outcome(step.title, count(step, exit_code), time.monotonic() - start)


def count(step: Step, exit_code: int) -> Counts:
    """The tests of a step that has ended; a failure that no report shows is one more failed test."""
    if step.reports is None:
        return Counts(passed=1) if exit_code == 0 else Counts(failed=1)
    try:
        counts = sum((read_junit(report) for report in step.reports.glob("*.xml")), Counts())
    except ParseError as error:
        print(f"{step.title} broke off within its report: {error}")
        return Counts(failed=1)
    if (exit_code != 0 and not counts.failed) or counts == Counts():
        counts += Counts(failed=1)
    return counts


def run_plan(plan: Plan, broken: dict[str, str]) -> Outcome:
    """Run a step unless one of its environments is broken; a step that cannot be prepared is one failed test."""
    print(f"\n== {plan.title}", flush=True)
    reasons = [broken[name] for name in plan.needs if name in broken]
    if not reasons:
        try:
            return run(plan.prepare())
        except (OSError, subprocess.CalledProcessError) as error:
            reasons = [str(error)]
    print(f"Not run: {reasons[0]}", flush=True)
    return Outcome(plan.title, Counts(failed=1))


def run_suites(names: list[str]) -> Iterator[Outcome]:
    """Set up what these suites need and run them."""
    environments = find_environments()
    uses = list(dict.fromkeys(use for name in names for use in SUITES[name].uses))
    start = time.monotonic()
    broken = set_up(environments, uses)
    yield Outcome("set-up", Counts(failed=len(broken)), time.monotonic() - start)
    for name in names:
        for plan in SUITES[name].plans(environments):
            yield run_plan(plan, broken)
    for reason in [environments.missing[use] for use in uses if use in environments.missing]:
        yield Outcome(reason, Counts(skipped=1))


def print_summary(outcomes: list[Outcome]) -> None:
    width = max(len(outcome.title) for outcome in outcomes)
    print(f"\n{'':{width}}  passed  failed  skipped  seconds")
    for outcome in outcomes:
        counts = outcome.counts
        print(
            f"{outcome.title:{width}}  {counts.passed:6}  {counts.failed:6}  {counts.skipped:7}  {outcome.seconds:7.0f}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+", choices=SUITES, metavar="SUITE")
    outcomes = list(run_suites(parser.parse_args().suites))
    print_summary(outcomes)
    total = sum((outcome.counts for outcome in outcomes), Counts())
    print(f"\n{total}", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
