# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the files of the key of role irsa_issuer are to be, by their defaults."""

from __future__ import annotations

import os
import re
import typing as t


def key_paths(wanted: t.Mapping[str, t.Any], folder: str) -> dict[str, t.Optional[str]]:
    """``key_path``, ``public_key_path`` and ``openssh_public_key_path`` with their folder, None where not wanted.

    ``wanted`` has what is set of them. Relative paths are taken from ``folder``, and that from the working directory. A
    ``~`` is that of the user on the key's host, and stays.
    """
    base = os.path.abspath(folder)
    return {
        name: None if not path else path if path.startswith(("/", "~")) else f"{base}/{path}"
        for name, path in named_paths(wanted).items()
    }


def named_paths(wanted: t.Mapping[str, t.Any]) -> dict[str, str]:
    """The same three as they are set, or their defaults; "" for one that is not wanted.

    The defaults are the names of the EKS webhook's guide (aws/amazon-eks-pod-identity-webhook, SELF_HOSTED_SETUP.md):
    sa-signer-pkcs8.pub and sa-signer.key.pub beside sa-signer.key.
    """
    path = str(wanted.get("key_path") or "")
    defaults = {
        "key_path": path,
        "public_key_path": re.sub(r"[.][^./]*$", "", path) + "-pkcs8.pub",
        "openssh_public_key_path": f"{path}.pub",
    }
    return {name: default if wanted.get(name) is None else str(wanted[name]) for name, default in defaults.items()}
