# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test suites: which commands each one runs, and in which environments.

The newest end of the matrix runs everything. The old end runs what may depend on Python or ansible-core: all unit
tests, and the integration tests without those marked any_core. On the newest end, the unit tests of modules run by
ansible-test. All others run by plain pytest, since ansible-test forks for each test, which doubles their time; the
suite isolated does that for all of them.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ansible_test_environment import environment as ansible_test_environment
from copy_collection import copy_collection
from environments import BUILD, REPOSITORY, End, Environment, Environments
from in_environment import variables

REPORTS = BUILD / "reports"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command to run; reports is the folder that it leaves JUnit XML in, if it does."""

    title: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path = REPOSITORY
    reports: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A step that is prepared only when its turn comes, since its environments must be set up first.

    :ivar needs: names of its environments
    :ivar is_alone: whether it keeps all cores busy, and so runs beside no other step
    """

    title: str
    needs: tuple[str, ...]
    prepare: Callable[[], Step]
    is_alone: bool = False


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Steps that are asked for by one name.

    :ivar uses: names of all environments that it would use; one that this machine lacks counts as a skipped test
    :ivar programs: what it runs that no environment holds, each with its package; one that is missing is a failed test
    """

    uses: tuple[str, ...]
    plans: Callable[[Environments], Iterator[Plan]]
    programs: dict[str, str] = field(default_factory=dict)


def _pytest(title: str, environment: Environment, *arguments: str, settings: dict[str, str] | None = None) -> Step:
    reports = REPORTS / title.replace(" ", "-")
    command = [str(environment.python), "-m", "pytest", *arguments, f"--junit-xml={reports / 'pytest.xml'}"]
    return Step(title=title, command=command, environment=variables(environment) | (settings or {}), reports=reports)


def _ansible_test(title: str, end: End, *arguments: str) -> Step:
    """A step that runs ansible-test in a fresh copy of the collection, where ansible-test expects it."""
    # A copy for each command: sanity may still run when units begins.
    copy = copy_collection(REPOSITORY, end.collections, BUILD / end.core / f"ansible-test-{arguments[0]}")
    return Step(
        title=title,
        command=[str(end.venv / "bin" / "ansible-test"), *arguments, "--color", "no"],
        environment=ansible_test_environment(REPOSITORY, end.venv),
        folder=copy,
        reports=copy / "tests" / "output" / "junit",
    )


def _on_each_end(
    suite: str, newest: Callable[[str, End], Step], other: Callable[[str, End], Step], *, is_alone: bool
) -> Callable[[Environments], Iterator[Plan]]:
    """Plans of a suite that has one step for the newest end and one for the other, if there are two."""

    def plans(environments: Environments) -> Iterator[Plan]:
        for name, end in environments.ends.items():
            title = f"{suite} {end.core}"
            step = newest if name == environments.newest else other
            yield Plan(title=title, needs=(name,), prepare=partial(step, title, end), is_alone=is_alone)

    return plans


_MODULES = "tests/unit/plugins/modules/"


def _unit(environments: Environments) -> Iterator[Plan]:
    for name, end in environments.ends.items():
        is_newest = name == environments.newest
        title = f"unit {end.core}"
        without = ("--ignore", _MODULES) if is_newest else ()
        yield Plan(title=title, needs=(name,), prepare=partial(_unit_by_pytest, title, end, *without))
        if is_newest:
            title += " modules"
            prepare = partial(_unit_by_ansible_test, title, end, _MODULES, workers=1)
            yield Plan(title=title, needs=(name,), prepare=prepare)


def _isolated(environments: Environments) -> Iterator[Plan]:
    name = environments.newest
    title = f"isolated {environments.ends[name].core}"
    prepare = partial(_unit_by_ansible_test, title, environments.ends[name], workers=2)
    yield Plan(title=title, needs=(name,), prepare=prepare, is_alone=True)


def _unit_by_ansible_test(title: str, end: End, *folders: str, workers: int) -> Step:
    options = ("--python", end.python_version, "--num-workers", str(workers))
    return _ansible_test(title, end, "units", *options, *folders)


def _unit_by_pytest(title: str, end: End, *options: str) -> Step:
    # ansible-test's loader makes the collection importable; here, the path does.
    settings = {"PYTHONPATH": str(end.collections)}
    return _pytest(title, end, "tests/unit", "--import-mode=importlib", *options, settings=settings)


def _integration(title: str, end: End, *arguments: str) -> Step:
    # A process has one embedded AWS, so two files never share one.
    return _pytest(title, end, "tests/integration", *arguments, "--numprocesses", "2", "--dist", "loadfile")


def _integration_of_this_core(title: str, end: End) -> Step:
    return _integration(title, end, "-m", "not any_core")


def _sanity(title: str, end: End) -> Step:
    # There is no PowerShell here, and shell scripts have no .sh in their names: lint reads them.
    skipped = ("--skip-test", "pslint", "--skip-test", "shellcheck")
    return _ansible_test(title, end, "sanity", "--python", "default", "--junit", *skipped)


_SANITY_PLANS = _on_each_end("sanity", _sanity, _sanity, is_alone=False)


def _newest_sanity(environments: Environments) -> Iterator[Plan]:
    # It imports everything with each Python that is there, whichever end it belongs to.
    yield list(_SANITY_PLANS(environments))[-1]


def _node(environments: Environments) -> Iterator[Plan]:
    if node := environments.there.get("node"):
        yield Plan(title="node", needs=("node",), prepare=partial(_pytest, "node", node, "tests/node"))


def _tools(environments: Environments) -> Iterator[Plan]:
    old = environments.ends["old"]
    yield Plan(
        title="tools",
        needs=("old",),
        prepare=partial(_pytest, "tools", old, "tests/tools", "tests/bench", "tests/faults"),
    )


def _package(environments: Environments) -> Iterator[Plan]:
    lint = environments.there["lint"]
    command = ["python", "tests/tools/check_package.py"]
    prepare = partial(Step, title="package", command=command, environment=variables(lint))
    yield Plan(title="package", needs=("lint",), prepare=prepare)
    command = ["python", "tests/tools/check_import.py"]
    importer = environments.there["importer"]
    prepare = partial(Step, title="package import", command=command, environment=variables(importer))
    yield Plan(title="package import", needs=("importer",), prepare=prepare)


def _lint(environments: Environments) -> Iterator[Plan]:
    lint, name = environments.there["lint"], environments.newest
    newest = environments.ends[name]
    environment = variables(lint, newest.collections) | {
        # antsibull-docs copies the dependencies by asking git for their files; this checkout's git must not answer.
        "GIT_CEILING_DIRECTORIES": str(BUILD),
        # mypy reads the collection by the link to it, under the name that it is imported by.
        "MYPYPATH": str(newest.collections),
    }
    for linter, command in _lint_commands(newest).items():
        title = f"lint {linter}"
        prepare = partial(Step, title=title, command=command, environment=environment)
        yield Plan(title=title, needs=("lint", name), prepare=prepare)


def _lint_commands(newest: End) -> dict[str, list[str]]:
    plugins = newest.collections / "ansible_collections" / "selfhosted" / "irsa" / "plugins"
    scripts = [".ci/run", "tests/tools/find_python", *map(str, REPOSITORY.glob("tests/*/run"))]
    scripts.append("tests/bench/contestants/by_hand")
    ansible_lint = ["ansible-lint", "--offline", "--nocolor", "--profile", "production", "--strict"]
    antsibull_docs = ["antsibull-docs", "lint-collection-docs", "--plugin-docs"]
    mypy = ["mypy", "--python-executable", str(newest.python)]
    tests = [f"tests/{folder}" for folder in ("tools", "sandbox", "bench", "demo", "faults", "races")]
    sandbox = "tests/integration/sandbox"
    return {
        "ruff": ["ruff", "check", "."],
        "ruff-format": ["ruff", "format", "--check", "."],
        # Folders have files of the same names, which one run cannot tell apart. All runs share a cache.
        "mypy": all_of(
            [*mypy, str(plugins), *tests],
            [*mypy, "tests/integration", "--exclude", f"^{sandbox}/"],
            [*mypy, sandbox],
            [*mypy, "tests/e2e"],
        ),
        "yamllint": ["yamllint", "--strict", "."],
        "shellcheck": ["shellcheck", *scripts],
        "reuse": ["reuse", "lint", "--lines"],
        "antsibull-changelog": ["antsibull-changelog", "lint"],
        "check_argument_specs": ["python", "tests/tools/check_argument_specs.py"],
        "antsibull-docs": [*antsibull_docs, "--validate-collection-refs", "dependent", "."],
        "ansible-lint": ansible_lint,
    }


def all_of(*commands: list[str]) -> list[str]:
    """One command that runs all of these, one after the other, and fails if one does."""
    steps = "".join(f"{shlex.join(command)} || failed=1; " for command in commands)
    return ["bash", "-c", f"failed=0; {steps}exit $failed"]


_ENDS = ("old", "new")
# The tests compare with what these say.
_KEY_PROGRAMS = {"openssl": "openssl", "ssh-keygen": "openssh-client"}

SUITES = {
    "tools": Suite(uses=("old",), plans=_tools),
    "lint": Suite(uses=("lint", *_ENDS), plans=_lint),
    "package": Suite(uses=("lint", "importer"), plans=_package),
    "node": Suite(uses=("node",), plans=_node, programs=_KEY_PROGRAMS),
    "unit": Suite(uses=_ENDS, plans=_unit, programs=_KEY_PROGRAMS),
    "isolated": Suite(uses=_ENDS, plans=_isolated, programs=_KEY_PROGRAMS),
    # If there is Python 3.9, irsa_keypair is sent to it as to a node.
    "integration": Suite(
        uses=(*_ENDS, "node"),
        plans=_on_each_end("integration", _integration, _integration_of_this_core, is_alone=True),
        programs={**_KEY_PROGRAMS, "curl": "curl"},
    ),
    "sanity": Suite(uses=_ENDS, plans=_SANITY_PLANS),
    "sanity-newest": Suite(uses=_ENDS, plans=_newest_sanity),
}
