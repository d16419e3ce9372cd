# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for variables of role irsa_issuer that name what a run writes on the controller besides the key."""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.files import shown

_KEY_FILES = ("key_path", "public_key_path", "openssh_public_key_path")


def path_problems(variables: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield what is wrong with irsa_issuer_documents_path and irsa_issuer_result_path."""
    result = variables.get("result_path")
    if variables.get("documents_path") and variables.get("bucket"):
        yield (
            "irsa_issuer_documents_path is for an issuer without a bucket, and irsa_issuer_bucket is set. Leave one of "
            "them out; the documents in a bucket are also jwks_json and discovery_json in irsa_issuer_result."
        )
    for name in _KEY_FILES:
        if result and variables.get(name) and posixpath.normpath(variables[name]) == posixpath.normpath(result):
            yield f"irsa_issuer_result_path and irsa_issuer_{name} are the same file, {shown(result)}."
