# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which command installs Python libraries that are missing. Imported only when some are; ships with irsa_keypair."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import sys
import sysconfig
import typing as t

# Programs that install the packages of a distribution, each with what comes before and after the name of a library.
_PACKAGE_PROGRAMS = {
    "apt-get": ("apt-get install", "python3-"),
    "dnf": ("dnf install", "python3-"),
    "zypper": ("zypper install", "python3-"),
    "apk": ("apk add", "py3-"),
}
_SYSTEM_PYTHON = "/usr/bin/python3"


def missing(libraries: t.Mapping[str, object], *, too_old: bool = False) -> str:
    """Return a message about libraries that are missing or too old, by their requirement for pip, with the reasons."""
    listed = ", ".join(f"{requirement} ({reason})" for requirement, reason in libraries.items())
    in_ansible = "ansible.plugins" in sys.modules
    whose = "of ansible-playbook" if in_ansible else "on this host"
    message = f"The Python {whose}, {sys.executable}, lacks {listed}. To install: {_command(libraries, too_old)}"
    if in_ansible or _has_ansible():
        return message
    return (
        f"{message} - If this host is the controller and localhost is listed in an inventory, you can have it use the "
        "Python of ansible-playbook instead: set ansible_connection: local and ansible_python_interpreter: "
        '"{{ ansible_playbook_python }}" for it.'
    )


def _has_ansible() -> bool:
    """Whether ansible-core is installed for this Python, so that it is probably the one of ansible-playbook already."""
    try:
        return bool(importlib.metadata.version("ansible-core"))
    except importlib.metadata.PackageNotFoundError:
        return False


def _command(requirements: t.Iterable[str], too_old: bool) -> str:
    """Return the command that installs these requirements for the Python that runs this."""
    quoted = " ".join(map(shlex.quote, requirements))
    python = shlex.quote(sys.executable)
    # pipx leaves this file in each virtual environment that it makes: https://pipx.pypa.io/stable/how-pipx-works/
    if os.path.exists(os.path.join(sys.prefix, "pipx_metadata.json")):
        force = "--force " if too_old else ""
        return f"pipx inject {force}{shlex.quote(os.path.basename(sys.prefix))} {quoted}"
    if _is_the_systems():
        if not too_old:
            return _by_packages(requirements)
        # What the distribution has is too old. https://peps.python.org/pep-0668/
        marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
        override = " --break-system-packages" if os.path.exists(marker) else ""
        return f"{python} -m pip install --user{override} {quoted}"
    if importlib.util.find_spec("pip"):
        return f"{python} -m pip install {quoted}"
    if shutil.which("uv"):
        return f"uv pip install --python {python} {quoted}"
    return f"{python} -m ensurepip && {python} -m pip install {quoted}"


def _is_the_systems() -> bool:
    """Whether this is the Python that the packages of the distribution install libraries for."""
    same = os.path.realpath(sys.executable) == os.path.realpath(_SYSTEM_PYTHON)
    return same and sys.prefix == sys.base_prefix


def _by_packages(requirements: t.Iterable[str]) -> str:
    names = [re.split("[<>=!~ ]", requirement)[0] for requirement in requirements]
    for program, (command, prefix) in _PACKAGE_PROGRAMS.items():
        if shutil.which(program):
            return f"{command} {' '.join(prefix + name for name in names)}"
    return f"the packages of your distribution for {', '.join(names)}, such as python3-{names[0]}"
