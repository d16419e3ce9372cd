# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run writes on the controller besides the key: the documents of an issuer that others serve, and its result."""

from __future__ import annotations

import dataclasses
import json
import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Change, Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, key_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.document_files import (
    WRITE,
    DocumentFiles,
    FileChange,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.documents import SourcedKey, merge_keys, object_in
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import Issuer
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.present_files import OptionNames

_NAMES = OptionNames(
    dest="irsa_issuer_documents_path",
    keys="irsa_issuer_extra_jwks",
    purge_keys="irsa_issuer_purge_keys",
    overwrite="irsa_issuer_overwrite",
)
_RESULT_NAME = "irsa_issuer_result_path"

# What is in every result, and so in every file that holds one.
_OF_RESULT = frozenset({"issuer", "provider_arn", "apiserver_flags"})
# What an unchanged issuer has in every run.
_LASTING_OF_DOCUMENT = ("key", "url")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _FileWrite(Change):
    """A file that is written, under the name that results have for it."""

    name: str

    @property
    def action(self) -> str:
        return self.name


class LocalDocuments:
    """The documents in the directory ``documents_path``; nothing without one."""

    def __init__(self, spec: IssuerSpec, issuer: Issuer) -> None:
        """Raises IrsaError if they cannot be in the directory."""
        self._spec = spec
        self._issuer = issuer
        self._files = DocumentFiles(spec.documents_path, _NAMES) if spec.documents_path else None

    def changes(self, texts: t.Mapping[str, t.Any]) -> list[FileChange]:
        """Return what to write; without ``texts`` they are not known yet. Raises IrsaError if the directory holds
        documents of others, or publishes other keys.
        """
        if self._files is None:
            return []
        if not self._spec.overwrite:
            keys = texts["jwks"]["keys"] if texts else merge_keys(self._further_keys())
            self._files.require_replaceable(
                self._issuer, self._issuer.jwks_url, keys=keys, purge_keys=self._spec.purge_keys
            )
        return self._files.changes(texts) if texts else self._files.new_files(f"{key_facts.NOT_CREATED}\n")

    def write(self, changes: t.Sequence[FileChange], ledger: Ledger) -> None:
        """Write the files, or in check mode record that they would be written. Raises IrsaError."""
        if self._files is not None:
            for change in changes if ledger.check_mode else self._files.write(changes):
                ledger.record(_file_write(change, WRITE, "document"))

    def _further_keys(self) -> list[SourcedKey]:
        return document_set.from_key_sets(called("extra_jwks"), self._spec.extra_jwks)


def require_result_file(path: str | None) -> None:
    """Raise IrsaError if the result cannot be written to this file, before anything is changed."""
    if not path:
        return
    _present_result(path)
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise IrsaError(f"{_RESULT_NAME}: the directory {files.shown(folder)} does not exist. Create it.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise IrsaError(
            f"{_RESULT_NAME}: user {files.user_name(os.geteuid())} may not write to the directory "
            f"{files.shown(folder)}."
        )


def write_result(path: str | None, summary: t.Mapping[str, t.Any], ledger: Ledger) -> None:
    """Write what the summary says of the issuer, if the file says something else; in check mode record it only.

    What differs from run to run is left out, so that an unchanged issuer has an unchanged file. Raises IrsaError.
    """
    if not path:
        return
    before, after = _present_result(path), _result_text(summary)
    if before == after:
        return
    if not ledger.check_mode:
        key_files.remove_leftovers([path])
        key_files.replace(path, after.encode(), mode=key_files.PUBLIC_MODE)
    ledger.record(_file_write(FileChange(path, before, after), "file:WriteResult", "result"))


def _result_text(summary: t.Mapping[str, t.Any]) -> str:
    documents = [{name: each[name] for name in _LASTING_OF_DOCUMENT} for each in summary["documents"]]
    return json.dumps({**summary, "documents": documents}, indent=2, sort_keys=True) + "\n"


def _present_result(path: str) -> str:
    """Return the text of the file, empty if there is none. Raises IrsaError for a file that is not a result."""
    if os.path.islink(path):
        raise IrsaError(f"{_RESULT_NAME}: {files.shown(path)} is a symbolic link. Give the path of the file itself.")
    content = files.read(path)
    text = (content or b"").decode("utf-8", "replace")
    if text.strip() and not (object_in(text) or {}).keys() >= _OF_RESULT:
        raise IrsaError(
            f"{_RESULT_NAME}: {files.shown(path)} holds something other than an earlier result, so it is not "
            "replaced. Choose another path, or remove the file."
        )
    return text


def _file_write(change: FileChange, name: str, part: str) -> _FileWrite:
    before = change.before or None  # a new file
    return _FileWrite(target=change.path, part=part, item=change.path, before=before, after=change.after, name=name)
