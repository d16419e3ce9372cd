# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files with manifests in the folder irsa_manifests_path, which something else applies."""

from __future__ import annotations

import dataclasses
import os
import shlex

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Change


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileChange(Change):
    """A file that is written, or removed if it has no text afterwards."""

    part: str = "file"

    @property
    def verb(self) -> str:
        """What happens to the file, as in actions."""
        return "remove" if self.after is None else "write"

    @property
    def action(self) -> str:
        return f"file:{self.verb} {self.target}"


def change_of(path: str, text: str | None) -> FileChange | None:
    """Return what makes a file this text, or with None removes it; None if it is so already. Raises IrsaError if the
    present file cannot be read.
    """
    content = files.read(path)
    present = None if content is None else content.decode("utf-8", "replace")
    return None if present == text else FileChange(target=path, before=present, after=text)


def folder_problem(folder: str) -> str | None:
    """Return why no file can be written to the folder; None if it is one."""
    if os.path.isdir(folder):
        return None
    return f"irsa_manifests_path is {files.shown(folder)}, which is not a folder. Create it."


def apply_command(file: str) -> str:
    """Return the command that applies a file."""
    return shlex.join(["kubectl", "apply", "--server-side", "--filename", file])


def header(role: str, file: str) -> str:
    """Return the comments at the top of a file that a role writes."""
    return f"""\
# Written by role selfhosted.irsa.{role}, which overwrites changes. To apply it by hand:
#
#   {apply_command(file)}
"""
