# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The issuer's own key on the controller, which API servers are to sign with."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, signing_key


def read(path: str, kid: str | None) -> signing_key.PrivateKey | None:
    """Return the key in irsa_apiserver_key_path, None if there is no such file.

    Raises IrsaError if it is no private key, or another one than that with this key ID.
    """
    content = files.read(path)
    if content is None:
        return None
    try:
        key = signing_key.load_private(content)
    except Fault as fault:
        raise IrsaError(f"The key {files.shown(path)} in irsa_apiserver_key_path cannot be used: {fault}.") from None
    found = key_facts.kid(key.public_key)
    if kid and found != kid:
        raise IrsaError(
            f"The key {files.shown(path)} in irsa_apiserver_key_path is not the issuer's: its ID is {found}, and "
            f"that of the issuer's key is {kid}."
        )
    return key
