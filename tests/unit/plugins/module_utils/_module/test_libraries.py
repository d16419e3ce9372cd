# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command for a missing library is the one for the Python that lacks it."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._module import libraries

BOTH = {"boto3>=1.35.70": ImportError("No module named 'boto3'"), "jwcrypto>=1.5.0": "no jwcrypto"}
QUOTED = "'boto3>=1.35.70' 'jwcrypto>=1.5.0'"
HINT = 'ansible_python_interpreter: "{{ ansible_playbook_python }}"'


@pytest.fixture
def python(monkeypatch, tmp_path):
    """A virtual environment with pip, whose Python this is, on a host with no program for packages."""
    executable = tmp_path / "venvs" / "ansible-core" / "bin" / "python"
    executable.parent.mkdir(parents=True)
    executable.touch()
    monkeypatch.setattr(sys, "executable", str(executable))
    monkeypatch.setattr(sys, "prefix", str(executable.parents[1]))
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(libraries.importlib.util, "find_spec", lambda name: name)
    return executable


@pytest.fixture
def system_python(python, monkeypatch):
    """The Python of the distribution."""
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(libraries, "_SYSTEM_PYTHON", str(python))
    return python


@pytest.fixture
def on_controller(monkeypatch):
    monkeypatch.setitem(sys.modules, "ansible.plugins", os)


@pytest.fixture
def on_host(monkeypatch):
    monkeypatch.delitem(sys.modules, "ansible.plugins", raising=False)
    monkeypatch.setattr(libraries, "_has_ansible", lambda: False)


def command(given=None, **more):
    return libraries.missing(given or BOTH, **more).partition("To install: ")[2].partition(" - If")[0]


def test_on_the_controller_it_says_what_is_missing_where_and_nothing_else(python, on_controller):
    assert libraries.missing(BOTH) == (
        f"The Python of ansible-playbook, {python}, lacks boto3>=1.35.70 (No module named 'boto3'), jwcrypto>=1.5.0 "
        f"(no jwcrypto). To install: {python} -m pip install {QUOTED}"
    )


def test_on_a_host_that_may_be_the_controller_it_says_so(python, on_host):
    message = libraries.missing(BOTH)
    assert message.startswith(f"The Python on this host, {python}, lacks ")
    assert "If this host is the controller" in message and HINT in message


def test_a_python_that_has_ansible_is_not_told_to_be_another(python, on_host, monkeypatch):
    monkeypatch.setattr(libraries, "_has_ansible", lambda: True)
    message = libraries.missing(BOTH)
    assert message.startswith("The Python on this host") and message.endswith(f"{python} -m pip install {QUOTED}")


def test_ansible_is_looked_for_among_what_is_installed(monkeypatch):
    monkeypatch.setattr(libraries.importlib.metadata, "version", {"ansible-core": "2.21.0"}.__getitem__)
    assert libraries._has_ansible()
    monkeypatch.undo()
    monkeypatch.setattr(sys, "path", [])
    assert not libraries._has_ansible()


def test_an_environment_of_pipx_is_injected_into(python, on_controller):
    (python.parents[1] / "pipx_metadata.json").touch()
    assert command() == f"pipx inject ansible-core {QUOTED}"
    assert command(too_old=True) == f"pipx inject --force ansible-core {QUOTED}"


def test_an_environment_without_pip_gets_it_or_uses_uv(python, on_controller, monkeypatch):
    monkeypatch.setattr(libraries.importlib.util, "find_spec", lambda name: None)
    assert command() == f"{python} -m ensurepip && {python} -m pip install {QUOTED}"
    monkeypatch.setattr(shutil, "which", lambda name: name == "uv")
    assert command() == f"uv pip install --python {python} {QUOTED}"


def test_a_path_with_a_blank_is_quoted(python, on_controller, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/srv/my venv/bin/python")
    assert command() == f"'/srv/my venv/bin/python' -m pip install {QUOTED}"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("apt-get", "apt-get install python3-cryptography"),
        ("dnf", "dnf install python3-cryptography"),
        ("zypper", "zypper install python3-cryptography"),
        ("apk", "apk add py3-cryptography"),
        (None, "the packages of your distribution for cryptography, such as python3-cryptography"),
    ],
)
def test_the_python_of_a_distribution_gets_packages(system_python, on_host, monkeypatch, program, expected):
    monkeypatch.setattr(shutil, "which", lambda name: name == program)
    assert command({"cryptography>=3.4": "no cryptography"}) == expected


@pytest.mark.parametrize("managed", [True, False])
def test_a_package_that_is_too_old_is_replaced_by_pip(system_python, on_controller, monkeypatch, tmp_path, managed):
    monkeypatch.setattr(libraries.sysconfig, "get_path", lambda name: str(tmp_path))
    if managed:
        (tmp_path / "EXTERNALLY-MANAGED").touch()
    override = " --break-system-packages" if managed else ""
    assert command(too_old=True) == f"{system_python} -m pip install --user{override} {QUOTED}"


def test_another_python_beside_the_distributions_is_not_served_by_packages(python, on_host, monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(shutil, "which", lambda name: name == "apt-get")
    assert command() == f"{python} -m pip install {QUOTED}"
