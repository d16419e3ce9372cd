# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The served JWKS, compared with what STS requires of it. It may hold anything, so nothing is assumed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report

IDS = (
    "jwks-json",
    "jwk-public-only",
    "jwk-kid",
    "jwk-key-ops",
    "jwk-use",
    "jwk-strength",
    "jwk-certificate",
    "jwk-count",
    "algorithms",
)

# A fault quotes from the key, whose members may be of any length.
_MAX_CHARACTERS = 300

Keys = t.Sequence[jwk.Jwk]


def check_keys(report: Report, document: t.Any, url: str, *, algorithms: t.Any) -> Keys | None:
    """Check a JWKS. Returns its keys, None if it is not a JWKS.

    ``algorithms`` are those that the discovery document lists.
    """
    try:
        keys = jwk.keys_of(document)
    except Fault as fault:
        report.error("jwks-json", f"{url} cannot be used: {fault}.")
        return None
    if not keys:
        report.error("jwks-json", f"{url} is a JWKS without keys.", "No key has been published yet.")
        return keys
    report.ok("jwks-json", f"{url} is JSON with {len(keys)} key{'s' if len(keys) > 1 else ''}.")
    _check_public_only(report, keys)
    _check_kids(report, keys)
    _check_key_ops(report, keys)
    _check_use(report, keys)
    _check_usable(report, keys)
    _check_count(report, keys)
    _check_algorithms(report, keys, algorithms)
    return keys


def _kids_of(keys: t.Iterable[jwk.Jwk]) -> str:
    return listed(key.get("kid") for key in keys)


def _check_public_only(report: Report, keys: Keys) -> None:
    exposed = [key for key in keys if jwk.has_private_members(key)]
    if exposed:
        report.error("jwk-public-only", f"The JWKS contains private members of the keys {_kids_of(exposed)}.")
    else:
        report.ok("jwk-public-only", "No private member is published.")


def _check_kids(report: Report, keys: Keys) -> None:
    nameless = [number for number, key in enumerate(keys, 1) if not isinstance(key.get("kid"), str)]
    by_kid: dict[str, list[jwk.Jwk]] = {}
    for key in keys:
        if isinstance(key.get("kid"), str):
            by_kid.setdefault(key["kid"], []).append(key)
    ambiguous = [kid for kid, same in by_kid.items() if not all(jwk.same_key(same[0], key) for key in same)]
    repeated = [kid for kid, same in by_kid.items() if len(same) > 1]
    if nameless:
        seen = f"Of {len(keys)} keys, those at these positions have no kid that is a string: {listed(nameless)}."
        report.error("jwk-kid", seen)
    elif ambiguous:
        report.error("jwk-kid", f"Different keys have the same kid: {listed(ambiguous)}.")
    elif "" in by_kid:
        report.warning(
            "jwk-kid",
            "A key has an empty kid.",
            "Such a key was published for API servers before Kubernetes 1.16, which sign without a kid.",
            remedy="Remove it (irsa_issuer_legacy_empty_kid: false) unless the cluster is that old.",
        )
    elif repeated:
        report.warning("jwk-kid", f"The JWKS contains a key more than once, with the kid {listed(repeated)}.")
    else:
        report.ok("jwk-kid", f"Each key has its own kid: {_kids_of(keys)}.")


def _check_key_ops(report: Report, keys: Keys) -> None:
    restricted = [key for key in keys if "key_ops" in key]
    if restricted:
        report.error("jwk-key-ops", f"The keys {_kids_of(restricted)} have key_ops.")
    else:
        report.ok("jwk-key-ops", "No key has key_ops.")


def _check_use(report: Report, keys: Keys) -> None:
    others = [key for key in keys if key.get("use", "sig") != "sig"]
    if others:
        seen = f"The use of the key {_kids_of(others[:1])} is {quoted(others[0].get('use'))}, not 'sig'."
        report.error("jwk-use", seen)
    else:
        report.ok("jwk-use", "Each key is for signatures.")


def _check_usable(report: Report, keys: Keys) -> None:
    """Check whether STS can verify with each key, and the certificates of those keys that have any."""
    unusable, uncertified = [], []
    for key in keys:
        try:
            public_key = jwk.public_key_of(key)
        except Fault as fault:
            unusable.append(f"{quoted(key.get('kid'))}: {str(fault)[:_MAX_CHARACTERS]}")
            continue
        if "x5c" not in key:
            continue
        try:
            jwk.check_certificate(key, public_key)
        except Fault as fault:
            uncertified.append(f"{quoted(key.get('kid'))}: {fault}")
    if unusable:
        report.error("jwk-strength", f"Unusable key: {_first_of(unusable)}.")
    else:
        report.ok("jwk-strength", "STS supports the type and size of each key.")
    if uncertified:
        report.error("jwk-certificate", f"Unusable certificate of a key: {_first_of(uncertified)}.")
    elif any("x5c" in key for key in keys):
        report.ok("jwk-certificate", "The certificates in the keys belong to those keys.")
    else:
        report.ok("jwk-certificate", "No key has a certificate.")


def _first_of(faults: t.Sequence[str]) -> str:
    return faults[0] if len(faults) == 1 else f"{faults[0]}; and {len(faults) - 1} more"


def _check_count(report: Report, keys: Keys) -> None:
    try:
        jwk.check_count(keys)
    except IrsaError:
        types = [key.get("kty") for key in keys]
        counts = " and ".join(f"{types.count(kty)} {kty}" for kty in ("RSA", "EC") if kty in types)
        limit = f"STS reads at most {jwk.MAX_KEYS_OF_A_TYPE} of each type"
        report.error("jwk-count", f"The JWKS has {counts} keys; {limit}.")
    else:
        report.ok("jwk-count", "There are no more keys than STS reads.")


def _check_algorithms(report: Report, keys: Keys, listed_algorithms: t.Any) -> None:
    """Check the algorithms of the keys and of the discovery document. Key types that STS does not support are left to
    ``jwk-strength``.
    """
    supported = [key for key in keys if jwk.algorithms_for(key)]
    wrong = [key for key in supported if "alg" in key and key["alg"] not in jwk.algorithms_for(key)]
    named = [each for each in listed_algorithms if isinstance(each, str)] if isinstance(listed_algorithms, list) else []
    unnamed = sorted(set(documents.algorithms_of(supported)) - set(named))
    if wrong:
        seen = (
            f"The alg of the key {_kids_of(wrong[:1])} is {quoted(wrong[0]['alg'])}, which STS does not support for it."
        )
        report.error("algorithms", seen)
    elif not supported:
        report.skipped("algorithms", "No key has a type that STS supports.")
    elif unnamed:
        report.warning("algorithms", f"The discovery document does not list {listed(unnamed)}, the algorithm of a key.")
    else:
        report.ok("algorithms", "The discovery document lists the algorithms of all keys.")


def check_expected(report: Report, keys: Keys, *, kids: t.Sequence[str], expected: Keys) -> None:
    """Check that the expected keys are published: ``kids`` by kid, ``expected`` by kid and content.

    Reports nothing if nothing is expected.
    """
    published = {key.get("kid"): key for key in keys if isinstance(key.get("kid"), str)}
    required = dict.fromkeys(kids) | {key["kid"]: key for key in expected}
    missing = [kid for kid in required if kid not in published]
    different = [
        kid for kid, key in required.items() if key and kid in published and not jwk.same_key(published[kid], key)
    ]
    if missing:
        seen = f"The key {listed(missing)} is not published. The published keys are {_kids_of(keys)}."
        report.error("kid-expected", seen)
    elif different:
        report.error("kid-expected", f"A different key than expected is published under the kid {listed(different)}.")
    elif required:
        report.ok("kid-expected", f"The expected keys are published: {listed(required)}.")
