# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys from openssl and ssh-keygen, so that the code under test does not read what it wrote itself.

They are created at import and not by fixtures: ansible-test runs each test in its own process, where every fixture
would be created again. Python 3.9 must be enough.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
import typing as t

from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

# A skip would leave out most tests unnoticed.
for _program, _package in (("openssl", "openssl"), ("ssh-keygen", "openssh-client (Debian) or openssh (Fedora)")):
    if shutil.which(_program) is None:
        raise RuntimeError(f"The tests create and read keys with {_program}. Install the package {_package}.")


def run(*command: str, stdin: bytes = b"") -> bytes:
    """Return the output of a program; its failure fails the test."""
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{command} failed: {done.stderr.decode()}"
    return done.stdout


def openssl(command: str, stdin: bytes = b"") -> bytes:
    """Return the output of openssl for a command line without quotes."""
    return run("openssl", *command.split(), stdin=stdin)


def ssh_keygen(options: str) -> tuple[bytes, bytes]:
    """Return a private key and its public line, as ssh-keygen writes the two files."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "key")
        run("ssh-keygen", "-q", "-N", "", "-C", "", *options.split(), "-f", path)
        with open(path, "rb") as private, open(path + ".pub", "rb") as public:
            return private.read(), public.read()


def public_pem(private: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a private key in PEM."""
    return openssl("pkey -pubout", private)


def pkcs8(private: bytes) -> bytes:
    """Return a private key as unencrypted PKCS#8."""
    return openssl("pkcs8 -topk8 -nocrypt", private)


def traditional(private: bytes) -> bytes:
    """Return a private key as PKCS#1 or SEC1."""
    return openssl("pkey -traditional", private)


def certificate(private: bytes, subject: str = "/CN=sample") -> bytes:
    """Return a self-signed certificate for a key in PEM."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(private)
        file.flush()
        return openssl(f"req -new -x509 -days 30 -subj {subject} -key {file.name}")


def with_unknown_version(der: bytes) -> bytes:
    """Return a certificate (DER) with a version that X.509 does not have, which a library cannot read."""
    known = b"\xa0\x03\x02\x01\x02"
    assert known in der
    return der.replace(known, known[:-1] + b"\x07", 1)


def kid(private: bytes) -> str:
    """Return the key ID by the recipe of Kubernetes' documentation: base64url of the SHA-256 of the DER public key."""
    digest = openssl("dgst -sha256 -binary", openssl("pkey -pubout -outform DER", private))
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def openssh_line(private: bytes) -> str:
    """Return the OpenSSH line of a private key."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(private)
        file.flush()
        return run("ssh-keygen", "-y", "-f", file.name).decode().strip()


def secret_lines(private: bytes) -> list[str]:
    """Return the full lines of a private key's PEM."""
    return [line for line in private.decode().splitlines() if len(line) == 64]


def secret_numbers(private: bytes) -> list[int]:
    """Return the numbers that make a key private: all but modulus and exponent of RSA, and the one of ECDSA."""
    key = serialization.load_pem_private_key(private, None, default_backend())
    assert isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
    numbers = key.private_numbers()
    if isinstance(numbers, rsa.RSAPrivateNumbers):
        return [numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp]
    return [numbers.private_value]


def traces_of(private: bytes, shown: str) -> list[str]:
    """Return what a text discloses of a private key: as PEM, base64 at any offset, hexadecimal or decimal digits."""
    for noise in ("\\n", "\\r", "\n", "\r", " ", ":", "-----"):
        shown = shown.replace(noise, "")
    lower, standard = shown.lower(), shown.replace("-", "+").replace("_", "/")
    found = []
    for number in secret_numbers(private):
        octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
        # Half of a number is as bad as the whole, and one part of it is seen wherever a line or a limit cuts it.
        for start in range(0, len(octets) - 15, 8):
            part = octets[start : start + 16]
            for offset in range(3):
                # Only the letters that depend on nothing but these octets; those at the ends have bits of others.
                letters = base64.b64encode(bytes(offset) + part).decode().rstrip("=")[4 if offset else 0 : -1]
                if letters in standard:
                    found.append(f"base64 {letters}")
            if part.hex() in lower:
                found.append(f"hexadecimal {part.hex()}")
        if str(number) in shown:
            found.append(f"decimal {number}")
    return found


def self_made_ec(curve: str) -> bytes:
    """Return a SEC1 key behind EC PARAMETERS, as openssl ecparam writes it."""
    return openssl(f"ecparam -name {curve} -genkey")


class Sample(t.NamedTuple):
    """A key in each form that a file may have, and its facts."""

    traditional: bytes
    pkcs8: bytes
    algorithm: str
    size: int | None
    curve: str | None


def _sample(created: bytes, algorithm: str, *, size: int | None = None, curve: str | None = None) -> Sample:
    return Sample(traditional(created), pkcs8(created), algorithm, size, curve)


RSA = _sample(openssl("genrsa 2048"), "RS256", size=2048)
OTHER_RSA = _sample(openssl("genrsa 2048"), "RS256", size=2048)
P256 = _sample(self_made_ec("prime256v1"), "ES256", curve="P-256")
OTHER_P256 = _sample(self_made_ec("prime256v1"), "ES256", curve="P-256")
P384 = _sample(self_made_ec("secp384r1"), "ES384", curve="P-384")
P521 = _sample(self_made_ec("secp521r1"), "ES512", curve="P-521")

EACH_KIND = {"RSA": RSA, "P-256": P256, "P-384": P384, "P-521": P521}
