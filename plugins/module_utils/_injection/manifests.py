# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents as YAML that people read and tools apply."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_documents import CONFIGURATION, NAME
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import manifest_files, manifests, names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document

FILE = "irsa-injection.yaml"

_HEADER = manifest_files.header("irsa_injection", FILE)
_LABELS = f"""\
#
# {names.LABEL_POLICY} labels service accounts with an IAM role as they are written. Older ones must be labelled once,
# or their pods get no credentials:
#
#   kubectl label serviceaccount --namespace NAMESPACE NAME {names.INJECT_LABEL}={names.INJECT_VALUE}
"""
_CERT_MANAGER = f"""\
#
# cert-manager must be installed. It makes the certificate of the webhook, and writes its CA as caBundle into
# {CONFIGURATION} {NAME}, where whatever applies this file must leave it. Until then,
# and until the pods of the webhook are ready, other pods get no credentials.
"""


def policies_to_yaml(documents: t.Iterable[Document]) -> str:
    """Return the text of the file with policies; the same documents are always the same text."""
    return manifests.to_yaml(_HEADER + _LABELS, documents)


def webhook_to_yaml(documents: t.Iterable[Document]) -> str:
    """Return the text of the file with the webhook."""
    return manifests.to_yaml(_HEADER + _CERT_MANAGER, documents)
