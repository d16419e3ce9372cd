# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON Web Keys: from public keys and from the JWKS of others, and what STS refuses in them."""

from __future__ import annotations

import base64
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
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import (
    decode_base64url,
    not_json,
    parse_json,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import json_type, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.masking import PRIVATE_MEMBERS

Jwk = dict[str, t.Any]

# 1.5 is the first release that reads PEM keys with current releases of cryptography.
JWCRYPTO_REQUIREMENT = "jwcrypto>=1.5.0"

# STS could not use a JWKS with more keys of one type than this.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_KEYS_OF_A_TYPE = 100

_TO_BASE64URL = str.maketrans("+/", "-_")

_RSA_ALGORITHMS = ("RS256", "RS384", "RS512")


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
    """Return what a JSON value is that is no JWKS."""
    if not isinstance(document, dict):
        return f"it is {json_type(document)}"
    if "keys" not in document:
        return "it is a single key" if "kty" in document else "it has no member 'keys'"
    keys = document["keys"]
    if not isinstance(keys, list):
        return f"'keys' in it is {json_type(keys)}"
    number, odd = next((number, key) for number, key in enumerate(keys, 1) if not isinstance(key, dict))
    return f"key {number} in it is {json_type(odd)}"


def key_sets(option: str, documents: t.Iterable[t.Any]) -> t.Iterator[tuple[str, list[Jwk]]]:
    """Yield the source of each JWKS in the list of an option, for messages, and its keys, unchecked.

    Raises IrsaError for the first document that is not a JWKS.
    """
    for number, document in enumerate(documents, start=1):
        source = f"{option}: document {number}"
        try:
            keys = keys_of(document)
        except Fault as fault:
            raise IrsaError(f"{source} cannot be used: {fault}.") from None
        yield source, keys


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
    if "key_ops" in key:
        raise Fault('it has key_ops, and STS cannot use a key that has any, not even ["verify"]; remove that member')
    if key.get("use", "sig") != "sig":
        raise Fault(f"its use is {quoted(key['use'])}, and STS accepts only 'sig'")
    public_key = public_key_of(key)
    allowed = algorithms_for(key)
    algorithm = key.get("alg", allowed[0])
    if algorithm not in allowed:
        raise Fault(f"its alg is {quoted(algorithm)}; expected {' or '.join(allowed)} for a key of its type")
    if "x5c" in key:
        check_certificate(key, public_key)
    return {**key, **_numbers_of(public_key), "alg": algorithm, "use": "sig"}


def public_key_of(key: Jwk) -> key_facts.PublicKey:
    """Return the public key object of a JWK. Raises Fault for a type or parameters that cannot be used."""
    return key_facts.require_usable(_key_object(key))


def _key_object(key: Jwk) -> key_facts.PublicKey:
    """Return the public key object of a JWK, however short. Raises Fault for a type or parameters of no key."""
    if key.get("kty") not in ("RSA", "EC"):
        raise Fault(f"its kty is {quoted(key.get('kty'))}, and STS accepts only RSA and EC")
    try:
        return _rsa_key(key) if key["kty"] == "RSA" else _ec_key(key)
    except KeyError as missing:
        raise Fault(f"it lacks the member {quoted(missing.args[0])}") from None
    except (ValueError, TypeError):
        raise Fault("its parameters do not form a valid public key") from None


def _rsa_key(key: Jwk) -> rsa.RSAPublicKey:
    modulus, exponent = _number(key["n"]), _number(key["e"])
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _ec_key(key: Jwk) -> ec.EllipticCurvePublicKey:
    curve = key["crv"]
    if not isinstance(curve, str) or curve not in key_facts.EC_ALGORITHMS:
        raise Fault(f"its crv is {quoted(curve)}, and STS accepts only {', '.join(key_facts.EC_ALGORITHMS)}")
    x, y = _number(key["x"]), _number(key["y"])
    return ec.EllipticCurvePublicNumbers(x, y, key_facts.named_curve(curve)).public_key()


def _numbers_of(public_key: key_facts.PublicKey) -> dict[str, str]:
    """Return the numbers of a key as RFC 7518 has them, sections 6.2.1 and 6.3.1: STS refuses, for example, a modulus
    that begins with a zero octet.
    """
    if isinstance(public_key, rsa.RSAPublicKey):
        numbers = public_key.public_numbers()
        return {"n": _base64url(numbers.n), "e": _base64url(numbers.e)}
    point, size = public_key.public_numbers(), (public_key.key_size + 7) // 8
    return {"x": _base64url(point.x, size), "y": _base64url(point.y, size)}


def _base64url(number: int, size: int = 0) -> str:
    octets = number.to_bytes(size or (number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _number(text: str) -> int:
    # Many libraries also accept padding and the other alphabet of base64; others do not.
    return int.from_bytes(decode_base64url(text), "big")


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
        _lenient_number(one.get(name)) == _lenient_number(other.get(name)) for name in numbers
    )


def _lenient_number(value: t.Any) -> t.Any:
    """Return the number that a member stands for, also with padding or leading zeros; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return _number(value.translate(_TO_BASE64URL).rstrip("="))
    except ValueError:
        return value


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
