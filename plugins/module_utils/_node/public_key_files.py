# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an API server would start with a file of public keys. No message quotes a byte of it.

What kube-apiserver reads: https://github.com/kubernetes/kubernetes/blob/v1.37.2/staging/src/k8s.io/client-go/util/keyutil/key.go

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import base64
import os
import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError

_BLOCK = re.compile(rb"^-----BEGIN (PUBLIC KEY|CERTIFICATE)-----\s(.*?)^-----END \1-----", re.MULTILINE | re.DOTALL)
_PRIVATE = re.compile(rb"BEGIN [A-Z0-9 ]*PRIVATE KEY")

# The object identifiers rsaEncryption (RFC 8017) and id-ecPublicKey (RFC 5480) in DER.
_ALGORITHMS = (bytes.fromhex("06092a864886f70d010101"), bytes.fromhex("06072a8648ce3d0201"))
_SEQUENCE = 0x30


def fault_of(path: str) -> str | None:
    """Return a sentence that says why no API server would start with this file, None if one would."""
    try:
        content = files.read(path)
        if content is None:
            raise Fault("does not exist")
        _require_reachable(path)
        _require_public(content)
    except IrsaError as error:
        return str(error)
    except Fault as fault:
        return f"{files.shown(path)} {fault}."
    return None


def _require_reachable(path: str) -> None:
    """Raise Fault for a path that means another file in a container, which has the folder but not what is around it."""
    if not os.path.isabs(path):
        raise Fault("is not an absolute path")
    folder = os.path.realpath(os.path.dirname(path))
    if os.path.dirname(os.path.realpath(path)) != folder:
        raise Fault("is a symbolic link into another folder, which its container may not have. Name the file itself")


def _require_public(content: bytes) -> None:
    if _PRIVATE.search(content):
        raise Fault("holds a private key. Name a file with its public key alone")
    if not any(_is_key(body) for _label, body in _BLOCK.findall(content)):
        raise Fault("holds no whole public key of RSA or ECDSA in PEM (PUBLIC KEY or CERTIFICATE)")


def _is_key(body: bytes) -> bool:
    """Whether the text of a PEM block is a whole structure in DER that names one of these algorithms."""
    try:
        content = base64.b64decode(b"".join(body.split()), validate=True)
    except ValueError:
        return False
    return _is_sequence(content) and any(algorithm in content for algorithm in _ALGORITHMS)


def _is_sequence(content: bytes) -> bool:
    """Whether this is a sequence in DER whose length is that of the content (X.690, 8.1.3)."""
    if len(content) < 2 or content[0] != _SEQUENCE:
        return False
    octets = content[1] & 0x7F if content[1] & 0x80 else 0
    length = int.from_bytes(content[2 : 2 + octets], "big") if octets else content[1]
    return len(content) == 2 + octets + length
