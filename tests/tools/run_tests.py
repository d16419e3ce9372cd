# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the test suites asked for, all of them whatever fails, and closes with a table and the sum of all counts.

The Makefile makes the virtual environments and calls this. An end is one ansible-core with the one that holds it, oldest
first. A suite counts the tests that it reports as JUnit XML; a check that reports none counts as one by its exit code.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import ParseError

from ansible_test_environment import environment as ansible_test_environment
from copy_collection import copy_collection
from counts import Counts, read_junit

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / ".build"
REPORTS = BUILD / "reports"
LINT_VENV = REPOSITORY / ".venv-lint"


@dataclass(frozen=True)
class End:
    """One end of the version matrix."""

    core: str
    venv: Path

    @property
    def collections(self) -> Path:
        """The folder to name in ANSIBLE_COLLECTIONS_PATH: this checkout and what it depends on."""
        return BUILD / self.core

    @property
    def python_version(self) -> str:
        return subprocess.run(
            [str(self.venv / "bin" / "python"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()


@dataclass(frozen=True)
class Environments:
    """What the Makefile has set up: the ends, oldest first, and what stands for a cluster node, if its Python is there."""

    ends: list[End]
    node: Path | None


@dataclass(frozen=True)
class Step:
    """A command to run; reports is the folder it leaves JUnit XML in, if it does."""

    title: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path = REPOSITORY
    reports: Path | None = None


@dataclass(frozen=True)
class Outcome:
    title: str
    counts: Counts
    seconds: float


def in_venv(venv: Path, collections: Path | None = None) -> dict[str, str]:
    """The environment with venv's programs first and, where given, the collections to use."""
    variables = {**os.environ, "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    if collections:
        variables["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
    return variables


def pytest_step(title: str, venv: Path, tests: str, collections: Path | None = None, *options: str) -> Step:
    reports = REPORTS / title.replace(" ", "-")
    command = [str(venv / "bin" / "python"), "-m", "pytest", tests, f"--junit-xml={reports / 'pytest.xml'}", *options]
    return Step(title, command, in_venv(venv, collections), reports=reports)


def ansible_test_step(title: str, end: End, arguments: list[str]) -> Step:
    """A step that runs ansible-test in a fresh copy of the collection, as ansible-test wants it."""
    copy = copy_collection(REPOSITORY, end.collections, BUILD / end.core / "ansible-test")
    command = [str(end.venv / "bin" / "ansible-test"), *arguments, "--color", "no"]
    environment = ansible_test_environment(REPOSITORY, end.venv)
    return Step(title, command, environment, folder=copy, reports=copy / "tests" / "output" / "junit")


def unit_steps(environments: Environments) -> Iterator[Step]:
    for end in environments.ends:
        arguments = ["units", "--python", end.python_version, "--num-workers", "2"]
        yield ansible_test_step(f"unit {end.core}", end, arguments)


def integration_steps(environments: Environments) -> Iterator[Step]:
    for end in environments.ends:
        # A process has one embedded AWS, so two files never share one.
        workers = ("--numprocesses", "2", "--dist", "loadfile")
        yield pytest_step(f"integration {end.core}", end.venv, "tests/integration", end.collections, *workers)


def node_steps(environments: Environments) -> Iterator[Step]:
    if environments.node:
        yield pytest_step("cluster node", environments.node, "tests/py39")


def tools_steps(environments: Environments) -> Iterator[Step]:
    yield pytest_step("tools", environments.ends[0].venv, "tests/tools")


def sanity_steps(environments: Environments) -> Iterator[Step]:
    # There is no PowerShell here, and shell scripts have no .sh in their names: lint reads them.
    arguments = ["sanity", "--python", "default", "--junit", "--skip-test", "pslint", "--skip-test", "shellcheck"]
    for end in environments.ends:
        yield ansible_test_step(f"sanity {end.core}", end, arguments)


def newest_sanity_steps(environments: Environments) -> Iterator[Step]:
    # It imports everything with each Python that is there, whichever end it belongs to.
    yield from sanity_steps(Environments(environments.ends[-1:], environments.node))


def lint_steps(environments: Environments) -> Iterator[Step]:
    # antsibull-docs copies amazon.aws by asking git for its files, which this checkout's git is to say nothing about.
    environment = in_venv(LINT_VENV, environments.ends[-1].collections) | {"GIT_CEILING_DIRECTORIES": str(BUILD)}
    shell_scripts = [".ci/run", "tests/tools/find_python", *map(str, REPOSITORY.glob("tests/*/run"))]
    shell_scripts.append("tests/bench/contestants/by_hand")
    for command in (
        ["ansible-lint", "--offline", "--nocolor", "--profile", "production", "--strict"],
        ["yamllint", "--strict", "."],
        ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "dependent", "."],
        ["antsibull-changelog", "lint"],
        ["reuse", "lint", "--lines"],
        ["shellcheck", *shell_scripts],
        ["python", "tests/tools/check_argument_specs.py"],
    ):
        yield Step(f"lint {Path(command[1] if command[0] == 'python' else command[0]).stem}", command, environment)


def package_steps(environments: Environments) -> Iterator[Step]:
    command = ["python", "tests/tools/check_package.py"]
    yield Step("package", command, in_venv(LINT_VENV, environments.ends[-1].collections))


SUITES = {
    "unit": unit_steps,
    "integration": integration_steps,
    "node": node_steps,
    "tools": tools_steps,
    "lint": lint_steps,
    "package": package_steps,
    "sanity": sanity_steps,
    "sanity-newest": newest_sanity_steps,
}


def run(step: Step) -> Outcome:
    """Run one step, its output going to the terminal, and count what it reports."""
    print(f"\n== {step.title}", flush=True)
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
    """The tests of a step that has ended; a failure that no report tells of is one more failed test."""
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


def run_suite(suite: str, environments: Environments) -> Iterator[Outcome]:
    """Run a suite's steps; what keeps a step from being prepared is a failed test, not the end of the run."""
    try:
        for step in SUITES[suite](environments):
            yield run(step)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"\n== {suite} could not be prepared: {error}", flush=True)
        yield Outcome(suite, Counts(failed=1), 0.0)


def print_summary(outcomes: list[Outcome]) -> None:
    width = max(len(outcome.title) for outcome in outcomes)
    print(f"\n{'':{width}}  passed  failed  skipped  seconds")
    for outcome in outcomes:
        counts = outcome.counts
        print(
            f"{outcome.title:{width}}  {counts.passed:6}  {counts.failed:6}  {counts.skipped:7}  {outcome.seconds:7.0f}"
        )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--end", action="append", required=True, metavar="CORE=VENV")
    parser.add_argument("--node", metavar="VENV", help="what a cluster node has")
    parser.add_argument("--missing", action="append", default=[], metavar="REASON", help="counts as a skipped test")
    parser.add_argument("--broken", action="append", default=[], metavar="REASON", help="counts as a failed test")
    parser.add_argument("suites", nargs="+", choices=SUITES, metavar="SUITE")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    environments = Environments(
        ends=[End(core, REPOSITORY / venv) for core, venv in (end.split("=", 1) for end in arguments.end)],
        node=REPOSITORY / arguments.node if arguments.node else None,
    )
    outcomes = [Outcome(reason, Counts(failed=1), 0.0) for reason in arguments.broken]
    outcomes += [outcome for suite in arguments.suites for outcome in run_suite(suite, environments)]
    outcomes += [Outcome(reason, Counts(skipped=1), 0.0) for reason in arguments.missing]
    print_summary(outcomes)
    total = sum((outcome.counts for outcome in outcomes), Counts())
    print(f"\n{total}", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
