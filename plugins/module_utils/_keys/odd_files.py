# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people have in place of a key file, called by its name. None of it is shown.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import base64
import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import der, pem

# Much more than any of these needs to be recognized.
_MAX_BYTES = 1 << 16

# What blocks are that neither are nor contain a key to use, by their labels.
_LABELS = {
    "CERTIFICATE REQUEST": "it contains only a certificate request (CSR)",
    "NEW CERTIFICATE REQUEST": "it contains only a certificate request (CSR)",
    "EC PARAMETERS": "it contains only the parameters of an elliptic curve (EC PARAMETERS), without a key",
    "AGE ENCRYPTED FILE": "it is encrypted with age; decrypt it first ('age --decrypt')",
    "PGP MESSAGE": "it is encrypted with OpenPGP; decrypt it first ('gpg --decrypt')",
    "PGP PRIVATE KEY BLOCK": "it is an OpenPGP key, which cannot sign service account tokens",
    "PGP PUBLIC KEY BLOCK": "it is an OpenPGP key, which cannot sign service account tokens",
}
_PUBLIC_LABELS = ("PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE")

_LINE_BREAKS = "write it to the file with its line breaks, each line from the first column"

# How files of other programs begin.
_BINARY = (
    (rb"(?:\xff\xfe|\xfe\xff)|(?:\s?\0-|-\0-\0)", "it is text in UTF-16; convert it with 'iconv -f UTF-16 -t UTF-8'"),
    (rb"\xfe\xed\xfe\xed|\xce\xce\xce\xce", "it is a Java keystore (JKS); export the key of it as PEM"),
    (rb"\0GITCRYPT", "it is encrypted with git-crypt; unlock the repository first ('git-crypt unlock')"),
    (rb"Salted__", "it is encrypted with 'openssl enc'; decrypt it first"),
    (rb"\x1f\x8b|PK\x03\x04|BZh|\xfd7zXZ", "it is a compressed file; unpack it first"),
)

_SECRET = "it is the manifest of a Kubernetes Secret; write the decoded value of its key, and nothing else, to a file"

_TEXT = (
    (rb"\A\s*\$ANSIBLE_VAULT;", "it is encrypted with ansible-vault; decrypt it first ('ansible-vault decrypt')"),
    (
        rb"!vault\b|\$ANSIBLE_VAULT;",
        "it contains a value that ansible-vault encrypted; write the decrypted value to it",
    ),
    (rb"\A\s*age-encryption[.]org/", "it is encrypted with age; decrypt it first ('age --decrypt')"),
    (rb'ENC\[AES256_GCM,|^sops:|"sops"\s*:', "it is encrypted with SOPS; decrypt it first ('sops decrypt')"),
    (rb"ENC\[[A-Z0-9]+,", "it is encrypted with hiera-eyaml; decrypt it first ('eyaml decrypt')"),
    (rb"\A\s*vault:v[0-9]+:", "it is encrypted by HashiCorp Vault; decrypt it first"),
    (
        rb"^[ \t]*\"?kind\"?\s*:\s*\"?SealedSecret\b",
        "it is the manifest of a SealedSecret, which only its cluster decrypts",
    ),
    (rb"^[ \t]*\"?kind\"?\s*:\s*\"?Secret\b", _SECRET),
    (rb"^[ \t]*\"?kind\"?\s*:\s*\"?Config\b|^[ \t]*\"?clusters\"?\s*:", "it is a kubeconfig, and not a key file"),
    (rb"\A\s*version https://git-lfs", "it is a pointer of Git LFS; get the file itself first ('git lfs pull')"),
    (
        rb"\A\s*PuTTY-User-Key-File-",
        "it is a key in PuTTY's format; export it as an OpenSSH key, and convert that to PEM",
    ),
    (rb"\A\s*---- BEGIN SSH2 ", "it is an SSH public key (RFC 4716), and not PEM"),
    (rb"^(?:ssh-|ecdsa-sha2-|sk-)[a-z0-9@.-]+ AAAA", "it is an OpenSSH public key"),
    (rb"\A\s*(?:<!DOCTYPE|<html)", "it is an HTML page, such as a login or an error page"),
    (rb"\A\s*<RSAKeyValue>", "it is a key in XML, and not PEM"),
    (rb"\A\s*eyJ[\w-]+[.]eyJ[\w-]+[.]", "it is a token, and not a key"),
    (rb"^[ \t]*aws_access_key_id\s*=", "it is a file of AWS credentials, and not a key file"),
    (rb"\A\s*[{\[][^\0]*\"keys\"\s*:\s*\[", "it is a JWKS (JSON), and not PEM"),
    (rb"\A\s*[{\[][^\0]*\"kty\"\s*:", "it is a JWK (JSON), and not PEM"),
    (
        rb"BEGIN [A-Z0-9 ]*-----(?:\\r)?\\n",
        f"its line breaks are written as \\n, so it is all one line; {_LINE_BREAKS}",
    ),
    (rb"\A\s*[{\[]", "it is JSON, and not PEM"),
    (rb"\A\s*\xef\xbb\xbf-----BEGIN ", "it begins with a byte order mark, before '-----BEGIN'; save it without one"),
    (rb"\A[^\n]*BEGIN[^\n]*-----\r[^\n]*\Z", "its lines end with CR alone; write them with LF"),
    (rb"^[ \t]+-----BEGIN [A-Z0-9 ]+-----[ \t]*\r?$", f"its PEM block is indented, as in YAML; {_LINE_BREAKS}"),
    (rb"-----BEGIN [A-Z0-9 ]+-----[ \t]*[A-Za-z0-9+/]", f"its PEM block is all one line; {_LINE_BREAKS}"),
    (
        rb"-----BEGIN [A-Z0-9 ]+-----",
        f"there is something before '-----BEGIN' or behind it in its line; {_LINE_BREAKS}",
    ),
    (rb"BEGIN [A-Z0-9 ]*KEY", "the line with BEGIN lacks the five hyphens that PEM has on both sides"),
    (rb"\A\s*LS0tLS1CRUdJTi", "it is PEM that was encoded in base64 once more; decode it first ('base64 -d')"),
)


def instead_of_private(content: bytes) -> str:
    """Say what a file without a private key in PEM holds, and what to do. The text is a fragment, as of a Fault."""
    labels = [block.label for block in pem.whole_blocks(content)]
    public = next((label for label in labels if label in _PUBLIC_LABELS), None)
    if public:
        return f"it contains only a public part ({public}); expected the private key"
    kind = _kind(content, labels)
    return (
        f"{kind}; expected the private key in PEM"
        if kind
        else ("it contains no PEM block; a private key begins with '-----BEGIN … PRIVATE KEY-----'")
    )


def instead_of_public(content: bytes) -> str:
    """Say what a text without a public key holds, and what to do. The text is a fragment, as of a Fault."""
    kind = _kind(content, [block.label for block in pem.whole_blocks(content)])
    expected = f"expected a public key in PEM ({', '.join(_PUBLIC_LABELS)}) or an OpenSSH line"
    return f"{kind}; {expected}" if kind else f"it contains no public key; {expected}"


def openssh_lines(content: bytes) -> list[bytes]:
    """Return the lines of a text that begins with an OpenSSH public key, without empty ones and comments."""
    if not content.lstrip().startswith((b"ssh-", b"ecdsa-sha2-")):
        return []
    lines = (line.strip() for line in content.splitlines())
    return [line for line in lines if line and not line.startswith(b"#")]


def _kind(content: bytes, labels: list[str]) -> str | None:
    if labels:
        return _LABELS.get(labels[0], f"it contains only {labels[0]}")
    if not content:
        return "it is empty"
    if not content.strip():
        return "it contains nothing but blanks and line breaks"
    if not content.strip(b"\0 \t\r\n"):
        return "it contains nothing but null bytes, as a crash of the system can leave them"
    start = content[:_MAX_BYTES]
    found = _first(_BINARY, rb"\A", start) or _in_der(start)
    return found or _first(_TEXT, b"", start) or _in_base64(start)


def _first(table: tuple[tuple[bytes, str], ...], before: bytes, content: bytes) -> str | None:
    for pattern, kind in table:
        if re.search(before + b"(?:" + pattern + b")", content, re.MULTILINE):
            return kind
    return None


def _in_der(content: bytes) -> str | None:
    kind = der.kind_of(content)
    return kind and f"it is {kind} in DER; convert it to PEM with openssl"


def _in_base64(content: bytes) -> str | None:
    """Return what is encoded in a text that is base64 and nothing else."""
    try:
        decoded = base64.b64decode(b"".join(content.split()), validate=True)
    except ValueError:
        return None
    kind = der.kind_of(decoded)
    return kind and f"it is {kind} in base64, without the BEGIN and END lines of PEM"
