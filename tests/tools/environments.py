# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environments that tests and tools run in: which Python, which ansible-core, which folder.

The matrix has two ends: the oldest ansible-core that is supported, on the Python that runs this, and the newest, on
Python 3.13. If this Python is too new for the oldest ansible-core, only the newest end remains. Everything is kept in
.venv* and .build, in the checkout.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from parts import Part

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / ".build"
TESTS = REPOSITORY / "tests"
SETTINGS = TESTS / "tools"


@dataclass(frozen=True)
class Release:
    """An ansible-core, and the PyPI package ansible of its time, which the dependencies are taken out of."""

    core: str
    ansible: str


OLDEST = Release("2.19", ansible="12")
NEWEST = Release("2.21", ansible="14")
# The collections that galaxy.yml depends on.
DEPENDENCIES = ("amazon.aws", "kubernetes.core")
PIP_OPTIONS = ("--disable-pip-version-check", "--progress-bar", "off")
# The first Python that the oldest ansible-core does not run on.
TOO_NEW_FOR_OLDEST = (3, 14)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A virtual environment, and what else belongs to it.

    :ivar parts: what it is made of, in order
    :ivar collections: the folder to name in ANSIBLE_COLLECTIONS_PATH, if any: this checkout and what it depends on
    """

    venv: Path
    parts: tuple[Part, ...]
    collections: Path | None = None

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"


@dataclass(frozen=True, kw_only=True)
class End(Environment):
    """One end of the version matrix."""

    core: str
    collections: Path

    @property
    def python_version(self) -> str:
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        return subprocess.run([self.python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True)
class Environments:
    """What can be set up on this machine, by name, and why an environment is missing."""

    there: dict[str, Environment]
    missing: dict[str, str]

    @property
    def ends(self) -> dict[str, End]:
        """The ends of the matrix, oldest first."""
        return {name: found for name in ("old", "new") if isinstance(found := self.there.get(name), End)}

    @property
    def newest(self) -> str:
        """The name of the newest end that is there."""
        return list(self.ends)[-1]


def find_python(minimum: str, *names: str) -> str | None:
    """The first of these interpreters that works and can make a virtual environment."""
    command = [str(SETTINGS / "find_python"), minimum, *names]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() or None


def find_environments() -> Environments:
    """Match the matrix with the interpreters of this machine."""
    # Within a virtual environment, the interpreter that it was made with: .venv cannot be made by itself.
    own = str(getattr(sys, "_base_executable", sys.executable))
    release = OLDEST if sys.version_info < TOO_NEW_FOR_OLDEST else NEWEST
    there: dict[str, Environment] = {"controller": _end(".venv", own, release, ready_for_tests=False)}
    there["old"] = _end(".venv", own, release)
    missing: dict[str, str] = {}

    newer = find_python("3.13", "python3.13") if release is OLDEST else None
    if newer:
        there["new"] = _end(".venv-3.13", newer, NEWEST)
        release = NEWEST
    else:
        missing["new"] = "second end of the matrix: no Python 3.13 beside an older one"
    if node := find_python("3.9", "python3.9"):
        there["node"] = _from_requirements(".venv-3.9", node, "node", title="what a cluster node has")
    else:
        missing["node"] = "irsa_keypair on a cluster node: no Python 3.9"
    # What reads the whole collection runs once, on the newest ansible-core that is there.
    core = f"ansible-core=={release.core}.*"
    there["lint"] = _from_requirements(".venv-lint", newer or own, "lint", core, title="linters")
    there["importer"] = _from_requirements(".venv-importer", newer or own, "importer", core, title="Galaxy's importer")
    there["awscli"] = _from_requirements(".venv-awscli", newer or own, "bench", title="the AWS CLI")
    return Environments(there, missing)


def _end(folder: str, python: str, release: Release, *, ready_for_tests: bool = True) -> End:
    venv, made = _venv(folder, python)
    collections = _collections(venv, release)
    runtime = _pip(
        venv / ".runtime",
        f"ansible-core=={release.core}.*",
        files=(REPOSITORY / "requirements.txt", TESTS / "requirements-sandbox.txt"),
        base=made,
        title=f"{folder}: ansible-core {release.core}, the collection's requirements, moto",
    )
    parts: tuple[Part, ...] = (made, collections, runtime)
    if ready_for_tests:
        # The second file is part of the first.
        files = (TESTS / "requirements.txt", TESTS / "unit" / "requirements.txt")
        parts += (_pip(venv / ".test", files=files, base=runtime, title=f"{folder}: test requirements"),)
    return End(venv=venv, parts=parts, core=release.core, collections=BUILD / release.core)


def _from_requirements(folder: str, python: str, name: str, *requirements: str, title: str) -> Environment:
    """An environment that holds what tests/requirements-NAME.txt lists."""
    venv, made = _venv(folder, python)
    files = (TESTS / f"requirements-{name}.txt",)
    installed = _pip(venv / ".test", *requirements, files=files, base=made, title=f"{folder}: {title}")
    return Environment(venv=venv, parts=(made, installed))


def _venv(folder: str, python: str) -> tuple[Path, Part]:
    venv = REPOSITORY / folder
    commands = ((python, "-m", "venv", "--clear", str(venv)),)
    return venv, Part(stamp=venv / ".made", title=f"{folder}: {python}", commands=commands)


def _pip(stamp: Path, *requirements: str, files: tuple[Path, ...], base: Part, title: str) -> Part:
    """What pip installs into the virtual environment that the stamp is in, by its own settings."""
    listed = [argument for file in files for argument in ("-r", str(file))]
    # Most of what is installed is never imported; compiling all of it takes longer than fetching it.
    pip = (str(stamp.parent / "bin" / "python"), "-m", "pip", "install", *PIP_OPTIONS, "--no-compile")
    return Part(stamp=stamp, title=title, commands=((*pip, *requirements, *listed),), files=files, base=base)


def _collections(venv: Path, release: Release) -> Part:
    """The dependencies, and beside them a link to this checkout, so that what is edited is what runs."""
    folder = BUILD / release.core
    ours = folder / "ansible_collections" / "selfhosted"
    script = SETTINGS / "unpack_collections.py"
    package = f"ansible=={release.ansible}.*"
    return Part(
        stamp=folder / ".collections",
        title=f".build/{release.core}: {' and '.join(DEPENDENCIES)} from the package ansible {release.ansible}",
        commands=(
            (str(venv / "bin" / "python"), str(script), package, str(folder), *DEPENDENCIES),
            ("mkdir", "-p", str(ours)),
            ("ln", "-sfn", "../../../..", str(ours / "irsa")),
        ),
        files=(script,),
    )
