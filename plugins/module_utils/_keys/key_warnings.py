# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to warn of in a private key file that can be used.

Runs on control-plane nodes: Python 3.9 and cryptography 3.4 must be enough.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.signing_key import PrivateKey


def of_content(key: PrivateKey, path: str, public_key_path: str | None) -> t.Iterator[str]:
    """Yield what is in the file that is not published, and what API servers cannot read of it."""
    if key.unused:
        yield (
            f"The private key file {files.shown(path)} contains something that is not published, beside the keys that "
            f"are: {'; '.join(key.unused)}."
        )
    if not key.shows_public_keys and not public_key_path:
        yield (
            f"The private key file {files.shown(path)} has an ECDSA key in PKCS#8, whose public key kube-apiserver "
            "cannot read from it, and there is no file with the public key. An API server does not start with this "
            "file alone as --service-account-key-file. Set public_key_path (irsa_issuer_public_key_path) to a file to "
            "write, or convert the key with 'openssl ec'."
        )
