# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytecode of this collection that is kept in ``__pycache__``, as Python does for every other library.

Ansible's own loader compiles each file of a collection in each run
(https://github.com/ansible/ansible/blob/devel/lib/ansible/utils/collection_loader/_collection_finder.py, ``get_code``).
What that costs and what is risked is in docs/decisions/0005-kept-bytecode.md.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import typing as t

from ansible.utils.collection_loader import AnsibleCollectionConfig

_OWN = __name__.removesuffix("plugin_utils._bytecode")


class OwnFiles(importlib.abc.MetaPathFinder):
    """Finds the plugins of this collection, with Python's own loader."""

    def find_spec(
        self, fullname: str, path: t.Sequence[str] | None, target: t.Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return where a module is, None for all that is not a file in the folders of this collection.

        ``path`` are the folders of its parent package. A folder is left to Ansible's loader: a package without code has
        no ``__file__`` for Python, and Ansible looks for the filters of a collection beside that of their package.
        """
        if path is None or not fullname.startswith(_OWN):
            return None
        name = f"{fullname.rpartition('.')[2]}.py"
        file = next(filter(os.path.isfile, (os.path.join(folder, name) for folder in path)), None)
        return None if file is None else importlib.util.spec_from_file_location(fullname, file)


def keep() -> None:
    """Keep the bytecode of all that is imported from now on. Ansible's loader remains the one for everything else.

    Without a loader of Ansible's there is nothing to do.
    """
    ansibles = AnsibleCollectionConfig.collection_finder
    if ansibles in sys.meta_path and not any(isinstance(finder, OwnFiles) for finder in sys.meta_path):
        sys.meta_path.insert(sys.meta_path.index(ansibles), OwnFiles())
