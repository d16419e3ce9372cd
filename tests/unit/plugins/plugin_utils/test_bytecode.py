# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import SourceFileLoader

import pytest

from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _bytecode

PLUGINS = "ansible_collections.selfhosted.irsa.plugins"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "logic.py").write_text("VALUE = 1\n", encoding="utf-8")
    (tmp_path / "_parts").mkdir()
    return tmp_path


@pytest.fixture
def writes_bytecode(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)


def find(name, *folders):
    return _bytecode.OwnFiles().find_spec(name, [str(folder) for folder in folders])


def value(spec):
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.VALUE


def test_bytecode_is_kept(folder, writes_bytecode):
    spec = find(f"{PLUGINS}.module_utils.logic", folder)
    assert isinstance(spec.loader, SourceFileLoader)
    assert value(spec) == 1
    assert os.path.exists(spec.cached)


def test_a_changed_file_is_compiled_again(folder, writes_bytecode):
    value(find(f"{PLUGINS}.module_utils.logic", folder))
    (folder / "logic.py").write_text("VALUE = 23\n", encoding="utf-8")
    assert value(find(f"{PLUGINS}.module_utils.logic", folder)) == 23


def test_what_cannot_be_kept_is_still_imported(folder, writes_bytecode):
    (folder / "__pycache__").write_text("a file where the folder belongs", encoding="utf-8")
    assert value(find(f"{PLUGINS}.module_utils.logic", folder)) == 1


def test_a_folder_is_left_to_ansibles_loader(folder):
    """Ansible finds plugins by the __file__ of their package, which Python gives to no package without code."""
    assert find(f"{PLUGINS}.module_utils._parts", folder) is None


def test_the_first_folder_that_has_it_counts(folder, tmp_path_factory):
    assert find(f"{PLUGINS}.module_utils.logic", tmp_path_factory.mktemp("empty"), folder).origin == str(
        folder / "logic.py"
    )


@pytest.mark.parametrize(
    "name",
    [
        "logic",
        "ansible_collections.amazon.aws.plugins.module_utils.logic",
        "ansible_collections.selfhosted.irsa_more.plugins.module_utils.logic",
        "ansible_collections.selfhosted.irsa.logic",
        PLUGINS,
    ],
)
def test_everything_else_is_left_to_others(folder, name):
    assert find(name, folder) is None


def test_what_does_not_exist_is_not_found(folder):
    assert find(f"{PLUGINS}.module_utils.missing", folder) is None


@pytest.fixture
def first():
    return object()


@pytest.fixture
def finders(first, monkeypatch):
    """Python's finders, with another one and Ansible's in front of them."""
    ansibles = object()
    finders = [first, ansibles, *(each for each in sys.meta_path if not isinstance(each, _bytecode.OwnFiles))]
    monkeypatch.setattr(sys, "meta_path", finders)
    monkeypatch.setattr(_bytecode.AnsibleCollectionConfig, "_collection_finder", ansibles)
    return finders


def test_one_finder_is_put_right_before_ansibles(finders, first):
    number = len(finders)
    _bytecode.keep()
    _bytecode.keep()
    assert len(finders) == number + 1
    assert finders[0] is first and isinstance(finders[1], _bytecode.OwnFiles)


def test_nothing_is_done_without_ansibles_loader(finders, monkeypatch):
    del finders[1]
    before = [*finders]
    _bytecode.keep()
    assert finders == before
