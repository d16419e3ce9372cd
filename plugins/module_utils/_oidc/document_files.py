# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of an issuer's documents in a directory, for a web server: written where they differ, and nowhere else."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, key_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.present_files import OptionNames, PresentFiles

WRITE = "file:WriteDocument"

_PUBLIC_FOLDER_MODE = 0o755

# Stands for a directory that does not exist yet.
_NEW_NAME = "new"

# The path of each document under the directory, by the name of its text in results. Relying parties must never find a
# discovery document without its JWKS, so that is first.
_NAMES = {"jwks_json": issuer_url.JWKS_PATH, "discovery_json": issuer_url.DISCOVERY_PATH}


class FileChange(t.NamedTuple):
    """A file whose text changes."""

    path: str
    before: str
    after: str


class DocumentFiles:
    """Both documents under a directory. ``names`` are those of the options, for messages."""

    def __init__(self, dest: str, names: OptionNames) -> None:
        """Raises IrsaError if a document would be written outside of the directory."""
        self._dest = dest
        self._names = names
        self._paths = {text: os.path.join(dest, name) for text, name in _NAMES.items()}
        for path in self._paths.values():
            self._require_inside(path)

    def require_replaceable(
        self, issuer: issuer_url.Issuer, jwks_url: str, *, keys: t.Sequence[jwk.Jwk], purge_keys: bool = False
    ) -> None:
        """Raise IrsaError if the present files are those of others or, without ``purge_keys``, publish other keys than
        these.
        """
        PresentFiles(self._dest, issuer.url, jwks_url, self._names).check_replaceable(keys, purge_keys=purge_keys)

    def changes(self, texts: t.Mapping[str, t.Any]) -> list[FileChange]:
        """Return what to write. Raises IrsaError for a file that cannot be read or written."""
        return list(self._changes(texts))

    def new_files(self, text: str) -> list[FileChange]:
        """Return both files with a text that stands for one that is not known yet. Raises IrsaError, as changes()."""
        for path in self._paths.values():
            files.read(path)
            _require_writable(path)
        return [FileChange(path, "", text) for path in self._paths.values()]

    def write(self, changes: t.Iterable[FileChange]) -> t.Iterator[FileChange]:
        """Write the files, and yield each when it is written. Raises IrsaError."""
        key_files.remove_leftovers(self._paths.values())
        for change in changes:
            self._create_folder(os.path.dirname(change.path))
            # Again, since another user may have been faster.
            self._require_inside(change.path)
            key_files.check_writable(change.path)
            key_files.replace(change.path, change.after.encode(), mode=key_files.PUBLIC_MODE)
            yield change

    def _changes(self, texts: t.Mapping[str, t.Any]) -> t.Iterator[FileChange]:
        for name, path in self._paths.items():
            after = texts[name]
            current = files.read(path)
            if current != after.encode():
                _require_writable(path)
                yield FileChange(path, (current or b"").decode("utf-8", "replace"), after)

    def _require_inside(self, path: str) -> None:
        """Raise IrsaError for a document whose directory is a symbolic link that leads out of the directory."""
        files.require_valid(path)
        base, folder = os.path.realpath(self._dest), os.path.realpath(os.path.dirname(path))
        if os.path.commonpath([base, folder]) != base:
            raise IrsaError(
                f"{self._names.dest}: {files.shown(path)} leads out of {files.shown(self._dest)}, to "
                f"{files.shown(folder)}, by a symbolic link. Nothing is written there; replace the link with a "
                "directory."
            )

    def _create_folder(self, path: str) -> None:
        try:
            os.makedirs(path, _PUBLIC_FOLDER_MODE, exist_ok=True)
        except OSError as error:
            raise IrsaError(
                f"{self._names.dest}: the directory {files.shown(path)} cannot be created: {files.reason(error)}."
            ) from None


def _require_writable(path: str) -> None:
    """Raise IrsaError for a file that cannot be written, even if its directory must be created first."""
    folder = os.path.dirname(path)
    if os.path.lexists(folder):
        key_files.check_writable(path)
        return
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder) or "."
    # A name in the directory in which the first one is created.
    key_files.check_writable(os.path.join(folder, _NEW_NAME))
