# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment that ansible-test runs in: a home folder of its own, and interpreters that work.

ansible-test hands its children HOME and PATH and hardly anything else, keeps virtual environments under ~/.ansible,
makes them with a script that it fetches from a host of its own, and takes any python3.x on the PATH for an interpreter.
"""

from __future__ import annotations

import functools
import os
import subprocess
import threading
from pathlib import Path

from environments import find_python

# Versions that the collection supports on a controller or, for the modules that run on cluster nodes, on a target.
PYTHON_VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")

_linking = threading.Lock()

PIP_BOOTSTRAP = '''\
"""Stands in for get-pip.py: the pip that is asked for installs itself, from the wheel beside this file."""
import os, subprocess, sys

folder = os.path.dirname(os.path.abspath(__file__))
requirements = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
(version,) = [name.split("==")[1] for name in requirements if name.startswith("pip==")]
pip = os.path.join(folder, "pip-%s-py3-none-any.whl" % version, "pip")
options = ["--quiet", "--disable-pip-version-check", "--no-compile", "--no-index", "--find-links", folder]
subprocess.check_call([sys.executable, pip, "install", *options, *requirements])
'''

PIP_VERSIONS = """\
import sys, types
from ansible_test._internal.python_requirements import get_venv_packages
for version in sys.argv[1:]:
    print(get_venv_packages(types.SimpleNamespace(version=version))["pip"])
"""


@functools.cache
def environment(repository: Path, venv: Path) -> dict[str, str]:
    """Variables for running venv's ansible-test without touching the user's home; makes what they point to.

    Once for each venv, since a step that uses these files may still run when the next one begins.
    """
    home = repository / ".build" / "home"
    _write_pip_bootstrap(home, venv)
    _write_pip_settings(home, venv)
    interpreters = link_interpreters(repository)
    path = os.pathsep.join([str(venv / "bin"), str(interpreters), os.environ["PATH"]])
    return {**os.environ, "HOME": str(home), "PATH": path}


def _write_pip_bootstrap(home: Path, venv: Path) -> None:
    """Put the bootstrap script where ansible-test looks before it fetches one; the name carries pip's version.

    ansible-test makes a dozen virtual environments, so the wheel of pip is downloaded once and put beside the script.
    """
    versions = subprocess.run(
        [
            str(venv / "bin" / "python"),
            "-c",
            PIP_VERSIONS,
            *PYTHON_VERSIONS,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in set(versions.stdout.split()):
        if not (cache / f"pip-{version}-py3-none-any.whl").exists():
            pip = [str(venv / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "download", "--no-deps", "--dest", str(cache), f"pip=={version}"], check=True)
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(PIP_BOOTSTRAP, encoding="utf-8")


def _write_pip_settings(home: Path, venv: Path) -> None:
    """Carry the user's pip settings, files and PIP_ variables alike, into the home that ansible-test sees."""
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    cache_folder = subprocess.run([*pip, "cache", "dir"], check=False, capture_output=True, text=True).stdout.strip()
    settings = {"disable-pip-version-check": "true"}
    if cache_folder:
        settings["cache-dir"] = cache_folder
    listing = subprocess.run([*pip, "config", "list"], check=True, capture_output=True, text=True)
    for line in listing.stdout.splitlines():
        name, value = line.split("=", 1)
        settings[name.split(".", 1)[1]] = value.strip("'")
    file = home / ".config" / "pip" / "pip.conf"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()), encoding="utf-8")


def link_interpreters(repository: Path) -> Path:
    """Gather the interpreters that work in one folder, under the names that ansible-test looks for, and return it.

    Steps that run at once share the folder, so what is right already is left as it is.
    """
    folder = repository / ".build" / "interpreters"
    folder.mkdir(parents=True, exist_ok=True)
    with _linking:
        for version in PYTHON_VERSIONS:
            link = folder / f"python{version}"
            found = find_python(version, link.name)
            if found and link.is_symlink() and os.readlink(link) == found:
                continue
            link.unlink(missing_ok=True)
            if found:
                link.symlink_to(found)
    return folder
