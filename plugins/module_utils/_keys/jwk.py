# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON Web Keys: from public keys and from the JWKS of others, and what STS refuses in them."""

from __future__ import annotations

import base64
import re
import typing as t

try:
    import jwcrypto  # noqa: F401  its modules are imported where they are used; pylint: disable=unused-import
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    JWCRYPTO_IMPORT_ERROR: ImportError | None = None
except ImportError as import_error:
    JWCRYPTO_IMPORT_ERROR = import_error

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import not_json, parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import json_type, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk_numbers, key_facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.masking import PRIVATE_MEMBERS

Jwk = dict[str, t.Any]

# 1.5 is the first release that reads PEM keys with current releases of cryptography.
JWCRYPTO_REQUIREMENT = "jwcrypto>=1.5.0"

# STS could not use a JWKS with more keys of one type than this.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_KEYS_OF_A_TYPE = 100

_RSA_ALGORITHMS = ("RS256", "RS384", "RS512")

# What identity providers have in one JWKS with the keys that STS verifies with. RFC 7518 (sections 3.1 and 4.1), RFC
# 8037, RFC 8812: encryption, and signatures that STS does not verify.
_OTHER_TYPES = ("OKP",)
_OTHER_CURVES = ("secp256k1",)
_OTHER_ALGORITHMS = re.compile(r"RSA1_5|RSA-OAEP(-\d+)?|ECDH-ES(\+A\d+KW)?|PS\d+|EdDSA|Ed25519|Ed448|ES256K")


class WrongName(Fault):
    """The type or the curve of a key has another name than RFC 7518 gives it."""


class BadNumber(Fault):
    """The numbers of a key are those of no key, or are not written as RFC 7518 has them."""


def from_public_key(public_key: key_facts.PublicKey) -> Jwk:
    """Return the JWK that kube-apiserver serves for a public key: kty, kid, alg, use and the key's parameters."""
    # The import takes 0.1 s, and not every run that loads this file makes a JWK.
    from jwcrypto.jwk import JWK  # noqa: PLC0415

    parameters = JWK.from_pyca(public_key).export_public(as_dict=True)
    return {**parameters, "kid": key_facts.kid(public_key), "alg": key_facts.algorithm(public_key), "use": "sig"}


def has_private_members(key: Jwk) -> bool:
    """Whether a JWK discloses a private or symmetric key."""
    return any(member in key for member in PRIVATE_MEMBERS)


def parse_jwks(content: str | bytes) -> list[Jwk]:
    """Return the keys of a JWKS as text or in UTF-8, unchecked. Raises Fault when it is not a JWKS."""
    try:
        document = parse_json(content if isinstance(content, str) else content.decode("utf-8"))
    except ValueError:
        octets = content.encode("utf-8", "replace") if isinstance(content, str) else content
        raise Fault(f"it {not_json(octets)}") from None
    return keys_of(document)


def keys_of(document: t.Any) -> list[Jwk]:
    """Return the keys of a JWKS object, unchecked. Raises Fault when it has no list of objects under ``keys``."""
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise Fault(f"it is not a JWKS: {_no_jwks(document)}. Expected a JSON object with a list of keys under 'keys'")
    return keys


def _no_jwks(document: t.Any) -> str:
    """Return what a JSON value is if it is not a JWKS."""
    if not isinstance(document, dict):
        return f"it is {json_type(document)}"
    if "keys" not in document:
        known = {"kty": "it is a single key", "jwks_uri": "it is a discovery document"}
        return next((words for name, words in known.items() if name in document), "it has no member 'keys'")
    keys = document["keys"]
    if not isinstance(keys, list):
        return f"'keys' in it is {json_type(keys)}"
    number, odd = next((number, key) for number, key in enumerate(keys, 1) if not isinstance(key, dict))
    return f"key {number} in it is {json_type(odd)}"


def usable(key: Jwk) -> Jwk:
    """Return a JWK as it may be published for STS, with ``alg`` and ``use`` filled in, and its numbers in the one form
    that RFC 7518 allows.

    Raises Fault with the reason for a private key, a missing or wrong ``kid``, ``key_ops``, a ``use`` other than
    ``sig``, an algorithm that STS does not verify or that does not fit the key, and a certificate (``x5c``) for a
    different key.
    """
    if has_private_members(key):
        raise Fault("it contains private members, where a public key belongs; treat that key as disclosed")
    if not isinstance(key.get("kid"), str) or not key["kid"]:
        raise Fault("it has no kid, and STS finds a token's key by its kid")
    check_purpose(key)
    public_key = public_key_of(key)
    check_algorithm(key)
    if "x5c" in key:
        check_certificate(key, public_key)
    return {**key, **_numbers_of(public_key), "alg": algorithm_of(key), "use": "sig"}


def check_purpose(key: Jwk) -> None:
    """Raise Fault for a key that is not for verifying signatures."""
    if "key_ops" in key:
        raise Fault('it has key_ops, and STS cannot use a key that has any, not even ["verify"]; remove that member')
    if key.get("use", "sig") != "sig":
        raise Fault(f"its use is {quoted(key['use'])}, and STS accepts only 'sig'")


def other_purpose(key: Jwk) -> str | None:
    """Return why a key is none that STS verifies tokens with, though nothing is wrong with it; None for any other."""
    if has_private_members(key):
        return None
    algorithm = key.get("alg")
    if key.get("use") == "enc":
        return "its use is 'enc', and STS verifies with signing keys only"
    if key.get("kty") in _OTHER_TYPES or key.get("crv") in _OTHER_CURVES:
        return f"STS supports no key of type {quoted(key.get('kty'))}, curve {quoted(key.get('crv'))}"
    if isinstance(algorithm, str) and _OTHER_ALGORITHMS.fullmatch(algorithm):
        return f"its alg is {quoted(algorithm)}, which STS does not verify"
    return None


def check_algorithm(key: Jwk) -> None:
    """Raise Fault if ``alg`` of a key whose type STS supports is not one that STS verifies with such a key."""
    allowed = algorithms_for(key)
    algorithm = key.get("alg", allowed[0])
    if algorithm not in allowed:
        hint = _in_other_case(algorithm, allowed)
        *others, last = allowed
        expected = f"{', '.join(others)} or {last}" if others else last
        raise Fault(f"its alg is {quoted(algorithm)}{hint}; expected {expected} for a key of its type")


def public_key_of(key: Jwk) -> key_facts.PublicKey:
    """Return the public key object of a JWK, however its numbers are written.

    Raises Fault for a type or size that cannot be used, and BadNumber for numbers of no key.
    """
    return key_facts.require_usable(_key_object(key))


def _key_object(key: Jwk) -> key_facts.PublicKey:
    """Return the public key object of a JWK, however short. Raises Fault for a type or parameters of no key."""
    _check_type(key)
    try:
        return _rsa_key(key) if key["kty"] == "RSA" else _ec_key(key)
    except (KeyError, ValueError):
        raise _bad_number(key) from None


def _check_type(key: Jwk) -> None:
    """Raise Fault for a type or a curve that STS does not support."""
    kty, curve = key.get("kty"), key.get("crv")
    if "kty" not in key:
        raise Fault("it lacks the member 'kty'")
    if kty not in ("RSA", "EC"):
        hint = _in_other_case(kty, ("RSA", "EC"))
        raise (WrongName if hint else Fault)(f"its kty is {quoted(kty)}{hint}, and STS accepts only RSA and EC")
    if kty == "EC" and "crv" not in key:
        raise Fault("it lacks the member 'crv'")
    if kty == "EC" and (not isinstance(curve, str) or curve not in key_facts.EC_ALGORITHMS):
        name = key_facts.nist_name(curve)
        hint = f", which is called {name} in a JWK" if name else _in_other_case(curve, key_facts.EC_ALGORITHMS)
        known = ", ".join(key_facts.EC_ALGORITHMS)
        raise (WrongName if hint else Fault)(f"its crv is {quoted(curve)}{hint}, and STS accepts only {known}")


def _in_other_case(value: t.Any, known: t.Iterable[str]) -> str:
    """Return a hint for a name that differs from a known one in case only."""
    right = next((name for name in known if isinstance(value, str) and value.lower() == name.lower()), None)
    return f" in place of {quoted(right)}" if right else ""


def _bad_number(key: Jwk) -> BadNumber:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk_number_faults  # noqa: PLC0415

    return BadNumber(jwk_number_faults.faults_in(key))


def check_numbers(key: Jwk, public_key: key_facts.PublicKey) -> None:
    """Raise BadNumber unless the numbers of a JWK, whose public key this is, are written as RFC 7518 has them."""
    if any(key[member] != number for member, number in _numbers_of(public_key).items()):
        raise _bad_number(key)


def _rsa_key(key: Jwk) -> rsa.RSAPublicKey:
    modulus, exponent = jwk_numbers.read(key["n"]), jwk_numbers.read(key["e"])
    if modulus % 2 == 0:
        raise ValueError("the modulus is even")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _ec_key(key: Jwk) -> ec.EllipticCurvePublicKey:
    curve = key_facts.named_curve(key["crv"])
    return ec.EllipticCurvePublicNumbers(jwk_numbers.read(key["x"]), jwk_numbers.read(key["y"]), curve).public_key()


def _numbers_of(public_key: key_facts.PublicKey) -> dict[str, str]:
    """Return the numbers of a key as RFC 7518 has them, sections 6.2.1 and 6.3.1: STS refuses, for example, a modulus
    that begins with a zero octet.
    """
    if isinstance(public_key, rsa.RSAPublicKey):
        numbers = public_key.public_numbers()
        return {"n": jwk_numbers.write(numbers.n), "e": jwk_numbers.write(numbers.e)}
    point, size = public_key.public_numbers(), (public_key.key_size + 7) // 8
    return {"x": jwk_numbers.write(point.x, size), "y": jwk_numbers.write(point.y, size)}


def check_certificate(key: Jwk, public_key: key_facts.PublicKey) -> None:
    """Raise Fault if the certificate (``x5c``) of a JWK cannot be read or belongs to a different key."""
    try:
        certified = x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0])).public_key()
    except (ValueError, TypeError, IndexError, KeyError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise Fault("its x5c contains no readable certificate") from None
    if key_facts.spki(certified) != key_facts.spki(public_key):
        raise Fault("the certificate in its x5c belongs to a different key")


def algorithm_of(key: Jwk) -> str | None:
    """Return the algorithm of any published JWK, checked or not; None if the key does not tell."""
    algorithm = key.get("alg")
    if isinstance(algorithm, str):
        return algorithm
    return next(iter(algorithms_for(key)), None)


def algorithms_for(key: Jwk) -> tuple[str, ...]:
    """Return the algorithms with which STS verifies for a key of this type, the usual one first; empty for other types.

    ``alg`` of the key plays no part.
    """
    if key.get("kty") == "RSA":
        return _RSA_ALGORITHMS
    algorithm = key_facts.EC_ALGORITHMS.get(str(key.get("crv"))) if key.get("kty") == "EC" else None
    return () if algorithm is None else (algorithm,)


def same_key(one: Jwk, other: Jwk) -> bool:
    """Whether two JWKs are the same key, whatever their kid, alg and use, and however their numbers are written."""
    names, numbers = ("kty", "crv"), ("n", "e", "x", "y")
    return all(one.get(name) == other.get(name) for name in names) and all(
        jwk_numbers.read_or_keep(one.get(name)) == jwk_numbers.read_or_keep(other.get(name)) for name in numbers
    )


def is_damaged_copy(key: Jwk, original: Jwk) -> bool:
    """Whether a key can only be the original with edited members, since it is no public key of any other."""
    if key.get("kty") not in (None, original.get("kty")):
        return False
    try:
        _key_object({**key, "kty": original.get("kty")})
    except Fault:
        return True
    return False


def check_count(published: t.Iterable[Jwk]) -> None:
    """Raise IrsaError when a JWKS has more keys of one type than STS reads."""
    types = [key.get("kty") for key in published]
    for kty in ("RSA", "EC"):
        if types.count(kty) > MAX_KEYS_OF_A_TYPE:
            raise IrsaError(
                f"The JWKS would have {types.count(kty)} {kty} keys; AWS STS reads at most {MAX_KEYS_OF_A_TYPE} of "
                "each type. Leave out keys that no longer sign tokens."
            )
