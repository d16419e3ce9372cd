# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys and credentials in the forms in which people paste them into the wrong place."""

from __future__ import annotations

import base64
import json
import re
import secrets
import typing as t

from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

# As many letters as a needle has cannot be in an output by chance.
_NEEDLE = 24
_ESCAPES = re.compile(r"\\+(?:x[0-9a-f]{2}|u[0-9a-f]{4}|[nrt])|[^A-Za-z0-9]+")
_ESCAPED_LETTER = re.compile(r"\\+u00([2-7][0-9a-f])")


class Misplaced(t.NamedTuple):
    """A value with a secret in it: text as it is given, and the secret parts of it."""

    text: str
    secret: tuple[str, ...]

    def traces_in(self, shown: str) -> list[str]:
        """Return the parts of the secret that an output shows, however they are escaped or broken into lines."""
        letters = _letters(shown)
        return [needle for needle in self.needles if needle in letters]

    @property
    def needles(self) -> t.Iterator[str]:
        """What is looked for: each piece of the secret."""
        for part in map(_letters, self.secret):
            for start in range(0, max(len(part) - _NEEDLE, 0) + 1, _NEEDLE // 2):
                yield part[start : start + _NEEDLE]


def _letters(text: str) -> str:
    unescaped = _ESCAPED_LETTER.sub(lambda escape: chr(int(escape[1], 16)), text)
    return _ESCAPES.sub("", unescaped).lower()


def private_jwk(sample: samples.Sample) -> dict[str, str]:
    """Return a JWK with its private members, by RFC 7518, section 6."""
    names = ["d"] if sample.curve else ["d", "p", "q", "dp", "dq", "qi"]
    numbers = zip(names, samples.secret_numbers(sample.pkcs8), strict=True)
    return {**jwk_of(sample), **{name: b64url(octets_of(number)) for name, number in numbers}}


def octets_of(number: int) -> bytes:
    """Return a number as JWKs have it: big-endian, no more octets than it needs."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def b64url(octets: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _body(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if line and "-----" not in line)


def _whole(text: str) -> Misplaced:
    return Misplaced(text, (_body(text) or text,))


def _kubeconfig(pem: str, token: str) -> Misplaced:
    key = base64.b64encode(pem.encode()).decode()
    text = (
        "apiVersion: v1\nkind: Config\nclusters:\n- name: prod\n  cluster:\n    server: https://10.0.0.1:6443\n"
        f"users:\n- name: admin\n  user:\n    client-key-data: {key}\n    token: {token}\n"
    )
    return Misplaced(text, (key, token))


def _shapes() -> dict[str, Misplaced]:
    rsa, ec = samples.RSA, samples.P256
    pem, der = rsa.traditional.decode(), base64.b64decode(_body(rsa.pkcs8.decode()))
    jwk, ec_jwk = private_jwk(rsa), private_jwk(ec)
    private = (jwk["d"], jwk["p"], jwk["q"])
    header = b'{"alg":"RS256"}'
    claims = b64url(b'{"iss":"https://kubernetes.default.svc","sub":"system:serviceaccount:prod:app"}')
    token = f"{b64url(header)}.{claims}.{b64url(secrets.token_bytes(256))}"
    escaped = "".join(f"\\u{ord(character):04x}" for character in ec_jwk["d"])
    return {
        "PKCS#1": _whole(pem),
        "PKCS#8": _whole(rsa.pkcs8.decode()),
        # Another key than that of the JWK, whose public numbers may be shown.
        "SEC1": _whole(samples.P384.traditional.decode()),
        "encrypted": _whole(samples.openssl("pkcs8 -topk8 -passout pass:x", rsa.pkcs8).decode()),
        "OpenSSH": _whole(samples.ssh_keygen("-t rsa -b 2048")[0].decode()),
        "indented": Misplaced("\n".join(f"      {line}" for line in pem.splitlines()), (_body(pem),)),
        "on one line": Misplaced(pem.replace("\n", " "), (_body(pem),)),
        "with literal line ends": Misplaced(pem.replace("\n", "\\n"), (_body(pem),)),
        "truncated": _whole(pem[: len(pem) // 2]),
        "in lower case": _whole(ec.pkcs8.decode().lower()),
        "behind a byte order mark": Misplaced(f"\ufeff{pem}", (_body(pem),)),
        "UTF-16": Misplaced("\0".join(pem), (_body(pem),)),
        "body": _whole(_body(pem)),
        "body of an EC key": _whole(_body(ec.pkcs8.decode())),
        "base64 of PEM": _whole(base64.b64encode(pem.encode()).decode()),
        "base64url": _whole(b64url(der)),
        "hexadecimal": _whole(der.hex()),
        "hexadecimal with colons": _whole(der.hex(":")),
        "decimal": _whole(str(samples.secret_numbers(rsa.pkcs8)[0])),
        "JWK": Misplaced(json.dumps(jwk), private),
        "EC JWK": Misplaced(json.dumps(ec_jwk), (ec_jwk["d"],)),
        "JWKS": Misplaced(json.dumps({"keys": [jwk]}), private),
        "PEM in a JWKS": Misplaced(json.dumps({"keys": [pem]}), (_body(pem),)),
        "PEM as a member of a JWKS": Misplaced(json.dumps({"keys": [{pem: 1}]}), (_body(pem),)),
        "a member twice": Misplaced(json.dumps(jwk)[:-1] + ', "d": "x"}', private),
        "JWK cut off": Misplaced(json.dumps(jwk)[:-9], private),
        "escaped in JSON": Misplaced(f'{{"d": "{escaped}"}}', (ec_jwk["d"],)),
        "token": Misplaced(token, (token.rpartition(".")[2],)),
        "secret access key": _whole(base64.b64encode(secrets.token_bytes(30)).decode()),
        "session token": _whole(base64.b64encode(secrets.token_bytes(500)).decode()),
        "kubeconfig": _kubeconfig(pem, token),
    }


SHAPES = _shapes()

# Those that have least in common.
MAIN_SHAPES = (
    *("PKCS#1", "secret access key", "SEC1", "indented", "with literal line ends", "UTF-16", "body", "base64 of PEM"),
    *("base64url", "hexadecimal", "EC JWK", "PEM in a JWKS", "escaped in JSON", "token", "kubeconfig"),
)
