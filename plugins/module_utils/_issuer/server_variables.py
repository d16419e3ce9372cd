# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for variables of role irsa_issuer that say what API servers have: paths as they see them, and issuers."""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.issuer_flags import (
    KUBEADM_FOLDER,
    is_issuer,
    is_path,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import refuse_mistake


def check_issuers(values: t.Iterable[t.Any], variable: str) -> None:
    """Raise IrsaError for what is not an issuer of an API server."""
    # They need not be ones that AWS can reach: the default of most distributions is not.
    for value in values:
        if not isinstance(value, str) or not is_issuer(value):
            raise IrsaError(
                f"{variable}: {quoted(value)} is not an issuer that an API server can have. Give each of them as it is "
                "in --service-account-issuer, for example https://kubernetes.default.svc.cluster.local."
            )
        try:
            refuse_mistake(value)
        except IrsaError as error:
            raise IrsaError(f"{variable}: {error}") from None


def check_paths(values: t.Iterable[t.Any], variable: str) -> None:
    """Raise IrsaError for what is not the path of a file on an API server's host."""
    for value in values:
        if not isinstance(value, str) or not is_path(value):
            raise IrsaError(
                f"{variable}: {quoted(value)} is not an absolute path as the API servers see it, such as "
                "/etc/kubernetes/pki/sa.pub."
            )


def check_folder(value: str, variable: str) -> None:
    """Raise IrsaError for what is not the path of a folder on an API server's host."""
    if not is_path(value):
        raise IrsaError(
            f"{variable} is {quoted(value)}; expected an absolute path as the API servers see it, such as "
            f"{KUBEADM_FOLDER}."
        )


def name_problems(variables: t.Mapping[str, t.Any], *, is_remote: bool) -> t.Iterator[str]:
    """Yield why the key files cannot be in one folder. ``is_remote``: the key is on another host."""
    key, public = variables.get("key_path") or "", variables.get("public_key_path") or ""
    are_moved = variables.get("apiserver_key_dir") or not is_remote
    if key != public and are_moved and posixpath.basename(key) == posixpath.basename(public):
        yield (
            "irsa_issuer_key_path and irsa_issuer_public_key_path have the same file name. API servers have both files "
            "in one folder (irsa_issuer_apiserver_key_dir), so give them different names."
        )
