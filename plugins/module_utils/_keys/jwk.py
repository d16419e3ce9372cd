# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON Web Keys: from public keys, from other people's JWKS, and what STS refuses of them."""

from __future__ import annotations

import base64
import json
import re
import typing as t

try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    import jwcrypto  # its own modules are imported where they are used; pylint: disable=unused-import

    JWCRYPTO_IMPORT_ERROR: t.Optional[ImportError] = None
except ImportError as import_error:
    JWCRYPTO_IMPORT_ERROR = import_error

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.masking import PRIVATE_MEMBERS
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError

Jwk = t.Dict[str, t.Any]

# A JWKS with more keys of one type than this was not usable with STS.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_KEYS_OF_A_TYPE = 100

BASE64URL = re.compile("[A-Za-z0-9_-]+")

# The names of cryptography's classes, which may not be there.
_CURVES = {"P-256": "SECP256R1", "P-384": "SECP384R1", "P-521": "SECP521R1"}

_EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


def from_public_key(public_key: t.Any) -> Jwk:
    """The JWK that kube-apiserver serves for a public key: kty, kid, alg, use and the key's numbers."""
    from jwcrypto.jwk import JWK

    numbers = JWK.from_pyca(public_key).export_public(as_dict=True)
    return {**numbers, "kid": signing_key.kid(public_key), "alg": signing_key.algorithm(public_key), "use": "sig"}


def has_private_members(key: Jwk) -> bool:
    """Whether a JWK discloses a private or symmetric key."""
    return any(member in key for member in PRIVATE_MEMBERS)


def parse_jwks(text: str) -> list[Jwk]:
    """The keys of a JWKS text. Raises Fault when it is no JWKS; nothing is said yet of the single keys."""
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Fault("it is not JSON") from None
    return keys_of(document)


def _refuse_constant(name: str) -> t.NoReturn:
    raise ValueError(f"{name} is not JSON, though Python reads and writes it")


def keys_of(document: t.Any) -> list[Jwk]:
    """The keys of a JWKS as an object. Raises Fault when it has no list of objects under ``keys``."""
    found = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(found, list) or not all(isinstance(key, dict) for key in found):
        raise Fault("it is no JWKS: a JSON object with a list of keys under 'keys' is wanted")
    return found


def usable(key: Jwk) -> Jwk:
    """A JWK as it may be published for STS: ``alg`` and ``use`` filled in, nothing that STS refuses.

    Raises Fault with the reason for a private key, a missing or wrong ``kid``, ``key_ops``, ``use`` other than
    ``sig``, an algorithm STS does not verify or that is not the key's, and a certificate (``x5c``) of another key.
    """
    if has_private_members(key):
        raise Fault("it holds private members, where a public key belongs; treat that key as disclosed")
    if not isinstance(key.get("kid"), str) or not key["kid"]:
        raise Fault("it has no kid, and STS finds a token's key by its kid")
    if "key_ops" in key:
        raise Fault('it has key_ops, and STS cannot use a key that has any, even ["verify"]; leave that member out')
    if key.get("use", "sig") != "sig":
        raise Fault(f"its use is {key['use']!r}, and STS takes 'sig' only")
    public_key = public_key_of(key)
    wanted = signing_key.algorithm(public_key)
    allowed = [wanted] if wanted.startswith("ES") else ["RS256", "RS384", "RS512"]
    if key.get("alg", wanted) not in allowed:
        raise Fault(f"its alg is {key['alg']!r}, which is not among {', '.join(allowed)} for such a key")
    if "x5c" in key:
        check_certificate(key, public_key)
    return {**key, "alg": key.get("alg", wanted), "use": "sig"}


def public_key_of(key: Jwk) -> t.Any:
    """The public key object of a JWK; raises Fault where its type or numbers cannot be used."""
    if key.get("kty") not in ("RSA", "EC"):
        raise Fault(f"its kty is {key.get('kty')!r}, and STS takes RSA and EC only")
    make = _rsa_key if key["kty"] == "RSA" else _ec_key
    try:
        public_key = make(key)
    except KeyError as missing:
        raise Fault(f"it lacks the member {missing.args[0]!r}") from None
    except (ValueError, TypeError):
        raise Fault("its numbers do not make a public key") from None
    signing_key.algorithm(public_key)
    return public_key


def _rsa_key(key: Jwk) -> t.Any:
    modulus, exponent = _number(key["n"]), _number(key["e"])
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _ec_key(key: Jwk) -> t.Any:
    curve = _CURVES.get(key["crv"]) if isinstance(key["crv"], str) else None
    if curve is None:
        raise Fault(f"its crv is {key['crv']!r}, and STS takes {', '.join(_CURVES)} only")
    x, y = _number(key["x"]), _number(key["y"])
    return ec.EllipticCurvePublicNumbers(x, y, getattr(ec, curve)()).public_key()


def _number(text: t.Any) -> int:
    # Many libraries also take padding and the other alphabet of base64; others do not.
    if not BASE64URL.fullmatch(text):
        raise ValueError("not base64url as RFC 7515 has it")
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def check_certificate(key: Jwk, public_key: t.Any) -> None:
    """Raise Fault where a JWK has a certificate (``x5c``) that cannot be read or is of another key."""
    try:
        certified = x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0])).public_key()
    except (ValueError, TypeError, IndexError, KeyError, UnsupportedAlgorithm):
        raise Fault("its x5c holds no certificate that can be read") from None
    if signing_key.spki(certified) != signing_key.spki(public_key):
        raise Fault("the certificate in its x5c is of another key")


def algorithm_of(key: Jwk) -> t.Optional[str]:
    """The algorithm that any published JWK is for, ours or not; None where it cannot be told."""
    if isinstance(key.get("alg"), str):
        return key["alg"]
    return "RS256" if key.get("kty") == "RSA" else _EC_ALGORITHMS.get(str(key.get("crv")))


def same_numbers(one: Jwk, other: Jwk) -> bool:
    """Whether two JWKs are of one key, whatever they call it."""
    members = ("kty", "n", "e", "crv", "x", "y")
    return all(one.get(member) == other.get(member) for member in members)


def check_count(published: t.Iterable[Jwk]) -> None:
    """Raise IrsaError when a JWKS has more keys of one type than STS reads."""
    types = [key.get("kty") for key in published]
    for kty in ("RSA", "EC"):
        if types.count(kty) > MOST_KEYS_OF_A_TYPE:
            raise IrsaError(
                f"The JWKS would hold {types.count(kty)} {kty} keys, and AWS STS reads {MOST_KEYS_OF_A_TYPE} of a type "
                "at most."
            )
