# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The paths of the key files of role irsa_issuer, with their defaults, and of its files on the controller."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.role_variables import PREFIX

# A playbook of a collection runs in the collection's folder, and names the folder that relative paths are meant from.
FOLDER = f"__{PREFIX}folder"


def key_paths(variables: t.Mapping[str, t.Any], folder: str) -> dict[str, str | None]:
    """Return ``key_path``, ``public_key_path`` and ``openssh_public_key_path`` as absolute paths, None for no file.

    ``variables`` has those of the three that are set. A relative path starts at ``folder``, and a relative ``folder``
    at the working directory. A leading ``~`` stays, since it is the home of the user on the key's host.
    """
    base = os.path.abspath(folder)
    return {
        name: None if not path else path if path.startswith(("/", "~")) else f"{base}/{path}"
        for name, path in named_paths(variables).items()
    }


def controller_path(path: str | None, folder: str) -> str | None:
    """Return the absolute path of a file on the controller, None for none. A relative one is from ``folder``."""
    return os.path.join(os.path.abspath(folder), os.path.expanduser(path)) if path else None


def named_paths(variables: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return the same three as they are set, or their defaults; an empty path for a file that is not written.

    The defaults are the names of the EKS webhook's guide (aws/amazon-eks-pod-identity-webhook, SELF_HOSTED_SETUP.md):
    sa-signer-pkcs8.pub and sa-signer.key.pub beside sa-signer.key.
    """
    path = str(variables.get("key_path") or "")
    defaults = {
        "key_path": path,
        "public_key_path": re.sub(r"[.][^./]*$", "", path) + "-pkcs8.pub" if path else "",
        "openssh_public_key_path": f"{path}.pub" if path else "",
    }
    return {
        name: default if variables.get(name) is None else str(variables[name]) for name, default in defaults.items()
    }
