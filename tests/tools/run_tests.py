# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the test suites asked for, all of them whatever fails, and closes with a table and the sum of all counts.

Usage: python run_tests.py SUITE...
Environments that the suites need are set up first. Steps that leave a core idle run two at a time, and each prints its
output when it ends. A suite counts the tests that it reports as JUnit XML; a check that reports none counts as one, by
its exit code. What cannot be set up and programs that are missing count as failed, and the rest still runs; an
interpreter that this machine lacks counts as one skipped test. The reasons for skipped tests follow the table.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from xml.etree.ElementTree import ParseError

from counts import Counts, read_junit
from environments import find_environments
from set_up import set_up
from suites import SUITES, Plan, Step

AT_A_TIME = 2

_printing = threading.Lock()


@dataclass(frozen=True)
class Outcome:
    title: str
    counts: Counts
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def run(step: Step, *, is_alone: bool = True) -> Outcome:
    """Run one step and count what it reports. Its output goes to the terminal, at once if it runs alone."""
    if step.reports:
        step.reports.mkdir(parents=True, exist_ok=True)
        for stale in step.reports.glob("*.xml"):
            stale.unlink()
    start = time.monotonic()
    if is_alone:
        print(f"\n== {step.title}", flush=True)
    exit_code, output, cpu_seconds = _execute(step, None if is_alone else subprocess.PIPE)
    with _printing:
        if not is_alone:
            print(f"\n== {step.title}")
        print(output, end="", flush=True)
        return Outcome(step.title, count(step, exit_code), time.monotonic() - start, cpu_seconds)


def _execute(step: Step, output: int | None) -> tuple[int, str, float]:
    """Run the command of a step; return its exit code, its output if that is caught, and the CPU time that it took."""
    try:
        process = subprocess.Popen(
            step.command,
            cwd=step.folder,
            env=step.environment,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        return 127, f"{error}\n", 0.0
    with process:
        text = process.stdout.read() if process.stdout else ""
        # With all processes that it has waited for.
        status, usage = os.wait4(process.pid, 0)[1:]
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, text, usage.ru_utime + usage.ru_stime


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


def run_plan(plan: Plan, broken: dict[str, str], *, is_alone: bool = True) -> Outcome:
    """Run a step unless one of its environments is broken; a step that cannot be prepared is one failed test."""
    reasons = [broken[name] for name in plan.needs if name in broken]
    if not reasons:
        try:
            return run(plan.prepare(), is_alone=is_alone)
        except (OSError, subprocess.CalledProcessError) as error:
            reasons = [str(error)]
    with _printing:
        print(f"\n== {plan.title}\nNot run: {reasons[0]}", flush=True)
    return Outcome(plan.title, Counts(failed=1))


def run_plans(plans: Iterable[Plan], broken: dict[str, str]) -> Iterator[Outcome]:
    """Run steps in order; those next to each other that leave a core idle, two at a time."""
    for is_alone, group in groupby(plans, key=lambda plan: plan.is_alone):
        several = list(group)
        if is_alone or len(several) == 1:
            yield from (run_plan(plan, broken) for plan in several)
        else:
            with ThreadPoolExecutor(AT_A_TIME) as threads:
                yield from threads.map(partial(run_plan, broken=broken, is_alone=False), several)


def missing_programs(names: list[str]) -> Iterator[Outcome]:
    """A failed test for each program that these suites need and this machine lacks."""
    needed = {program: package for name in names for program, package in SUITES[name].programs.items()}
    for program, package in needed.items():
        if not shutil.which(program):
            yield Outcome(f"{program} is not installed (package {package})", Counts(failed=1))


def run_suites(names: list[str]) -> Iterator[Outcome]:
    """Set up what these suites need and run them."""
    for outcome in missing_programs(names):
        print(f"== {outcome.title}", flush=True)
        yield outcome
    environments = find_environments()
    uses = list(dict.fromkeys(use for name in names for use in SUITES[name].uses))
    start, cpu_start = time.monotonic(), _cpu_seconds_of_children()
    broken = set_up(environments, uses)
    cpu_seconds = _cpu_seconds_of_children() - cpu_start
    yield Outcome("set-up", Counts(failed=len(broken)), time.monotonic() - start, cpu_seconds)
    yield from run_plans((plan for name in names for plan in SUITES[name].plans(environments)), broken)
    for reason in [environments.missing[use] for use in uses if use in environments.missing]:
        yield Outcome(reason, Counts(skipped=1))


def _cpu_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def print_summary(outcomes: list[Outcome]) -> None:
    width = max(len(outcome.title) for outcome in outcomes)
    print(f"\n{'':{width}}  passed  failed  skipped  seconds  CPU seconds")
    for outcome in outcomes:
        counts = outcome.counts
        print(
            f"{outcome.title:{width}}  {counts.passed:6}  {counts.failed:6}  {counts.skipped:7}  {outcome.seconds:7.0f}"
            f"  {outcome.cpu_seconds:11.0f}"
        )
    if reasons := sorted(total(outcomes).reasons):
        print("\nSkipped:")
        print("\n".join(f"- {' '.join(reason.split())}" for reason in reasons))


def total(outcomes: list[Outcome]) -> Counts:
    return sum((outcome.counts for outcome in outcomes), Counts())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+", choices=SUITES, metavar="SUITE")
    outcomes = list(run_suites(parser.parse_args().suites))
    print_summary(outcomes)
    counts = total(outcomes)
    print(f"\n{counts}", flush=True)
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
