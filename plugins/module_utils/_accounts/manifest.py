# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file with the manifests of all service accounts, which something else applies."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.cluster_plan import Document
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Change
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.manifests import to_yaml

FILE = "irsa-service-accounts.yaml"
_HEADER = f"""\
# Written by role selfhosted.irsa.irsa_service_accounts, which overwrites changes. To apply it by hand:
#
#   kubectl apply --server-side --filename {FILE}
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileWrite(Change):
    """A file that is written."""

    @property
    def action(self) -> str:
        return f"file:write {self.target}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """The file as it is to be, and the change of it, if any."""

    path: str
    text: str
    changes: t.Sequence[FileWrite]


def manifest_of(folder: str, documents: t.Sequence[Document]) -> Manifest:
    """Return the file with these documents. Raises IrsaError if the present one cannot be read."""
    path = os.path.join(folder, FILE)
    text = to_yaml(_HEADER, documents)
    content = files.read(path)
    before = None if content is None else content.decode("utf-8", "replace")
    changes = [] if before == text else [FileWrite(target=path, part="file", before=before, after=text)]
    return Manifest(path=path, text=text, changes=changes)
