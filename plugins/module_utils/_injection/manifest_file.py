# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documents in a file, for clusters that something else applies them to."""

from __future__ import annotations

import contextlib
import os
import tempfile
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import diff_entry
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import (
    documents,
    manifests,
    webhook_documents,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.results import nothing_installed
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import manifest_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document


def write(folder: str, settings: Settings, webhook: WebhookSettings | None, *, check_mode: bool) -> dict[str, t.Any]:
    """Write the documents to the folder, which must exist, and return the result: those of the policies, or those of a
    webhook. Raises IrsaError.
    """
    nothing = nothing_installed("webhook" if webhook else "policy", "the documents were written to a file")
    if webhook:
        text, values = _of_webhook(settings, webhook)
    else:
        text, values = _of_policies(settings)
    return {**nothing, **_ensure(folder, text, check_mode=check_mode), **values}


def _of_policies(settings: Settings) -> tuple[str, dict[str, t.Any]]:
    desired = documents.all_documents(settings)
    return manifests.policies_to_yaml(desired), {"manifests": desired}


def _of_webhook(settings: Settings, webhook: WebhookSettings) -> tuple[str, dict[str, t.Any]]:
    # It imports cryptography, which takes long, and policies need no certificate.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import webhook_tls  # noqa: PLC0415

    tls = webhook_tls.tls_for_manifests(webhook)
    workload = webhook_documents.workload(settings, webhook, tls_secret=tls.secret)
    desired: list[Document] = [
        *workload,
        *tls.authority,
        *tls.leaf,
        webhook_documents.configuration(settings, webhook, tls.ca_bundle, injected=tls.injected),
        *documents.guard_documents(settings, labelled_only=False),
    ]
    return manifests.webhook_to_yaml(desired), {"manifests": desired, "certificates": tls.dates}


def remove(folder: str, *, check_mode: bool) -> dict[str, t.Any]:
    """Remove the file with the documents, and return the result. Raises IrsaError."""
    return {**nothing_installed("none", "state is absent"), **_ensure(folder, None, check_mode=check_mode)}


def _ensure(folder: str, text: str | None, *, check_mode: bool) -> dict[str, t.Any]:
    """Bring the file to this text, or with None remove it."""
    path = os.path.join(folder, manifests.FILE)
    problem = manifest_files.folder_problem(folder)
    if problem:
        raise IrsaError(problem)
    change = manifest_files.change_of(path, text)
    if change is None:
        return {"changed": False, "actions": [], "diff": []}
    if not check_mode:
        try:
            os.unlink(path) if text is None else _replace(path, text)
        except OSError as error:
            raise IrsaError(f"{files.shown(path)} cannot be written: {files.reason(error)}.") from None
    return {"changed": True, "actions": [change.action], "diff": [diff_entry(change)]}


def _replace(path: str, text: str) -> None:
    """Write a file beside, and rename it, so that a tool that watches the folder never reads half of it."""
    handle, beside = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=os.path.dirname(path))
    try:
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            os.fchmod(stream.fileno(), 0o644)
        os.replace(beside, path)
    except BaseException:  # however this ends, nothing but the file itself may stay in the folder
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
