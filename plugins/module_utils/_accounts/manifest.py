# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file with the manifests of all service accounts."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.cluster_plan import Document
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import manifest_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.manifest_files import FileChange
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.manifests import to_yaml

FILE = "irsa-service-accounts.yaml"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """The file as it is to be, and the change of it, if any."""

    path: str
    text: str
    changes: t.Sequence[FileChange]


def manifest_of(folder: str, documents: t.Sequence[Document]) -> Manifest:
    """Return the file with these documents. Raises IrsaError if the present one cannot be read."""
    path = os.path.join(folder, FILE)
    text = to_yaml(manifest_files.header("irsa_service_accounts", FILE), documents)
    change = manifest_files.change_of(path, text)
    return Manifest(path=path, text=text, changes=[change] if change else [])
