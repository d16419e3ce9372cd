# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The served JWKS, compared with what STS requires of it. It may hold anything, so nothing is assumed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.judged_keys import (
    JudgedKeys,
    Keys,
    Needs,
    kids_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report

IDS = (
    "jwks-json",
    "jwk-public-only",
    "jwk-kid",
    "jwk-key-ops",
    "jwk-use",
    "jwk-numbers",
    "jwk-strength",
    "jwk-certificate",
    "jwk-count",
    "algorithms",
)

ANY = Needs()


def check_keys(report: Report, document: t.Any, url: str, *, algorithms: t.Any, needs: Needs = ANY) -> Keys | None:
    """Check a JWKS. Returns its keys, None if it is not a JWKS.

    ``algorithms`` are those that the discovery document lists.
    """
    try:
        keys = jwk.keys_of(document)
    except Fault as fault:
        report.error("jwks-json", f"{url} cannot be used: {fault}.")
        return None
    if not keys:
        report.error("jwks-json", f"{url} is a JWKS whose list of keys is empty.", "No key has been published yet.")
        return keys
    report.ok("jwks-json", f"{url} is JSON with {len(keys)} key{'s' if len(keys) > 1 else ''}.")
    _check_public_only(report, keys)
    judged = JudgedKeys(report, keys, needs)
    judged.check_kids()
    judged.report("jwk-key-ops", "No key has key_ops.")
    judged.report("jwk-use", "Each key is for signatures.")
    judged.report("jwk-numbers", "The numbers of each key are written as RFC 7518 has them.")
    judged.report("jwk-strength", "STS supports the type and size of each key.")
    has_certificates = any("x5c" in key for key in keys)
    certified = (
        "The certificates in the keys belong to those keys." if has_certificates else "No key has a certificate."
    )
    judged.report("jwk-certificate", certified)
    _check_count(report, keys)
    judged.check_algorithms(algorithms)
    return keys


def _check_public_only(report: Report, keys: Keys) -> None:
    exposed = [key for key in keys if jwk.has_private_members(key)]
    asymmetric = [key for key in exposed if key.get("kty") != "oct"]
    if asymmetric:
        report.error("jwk-public-only", f"The JWKS contains private members of the keys {kids_of(asymmetric)}.")
    elif exposed:
        report.warning(
            "jwk-public-only",
            f"The JWKS contains a symmetric key, {kids_of(exposed)}, which anyone can read.",
            "It belongs to something other than tokens for AWS: STS uses no symmetric keys.",
            remedy="Replace it where it is used, and remove it from the JWKS.",
        )
    else:
        report.ok("jwk-public-only", "No private member is published.")


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
        seen = f"The key {listed(missing)} is not published. The published keys are {kids_of(keys)}."
        renamed = [key for key in keys if any(jwk.same_key(key, required[kid] or {}) for kid in missing)]
        also = f" The same key is published under the kid {kids_of(renamed)}." if renamed else ""
        report.error("kid-expected", f"{seen}{also}")
    elif different:
        hidden = any(
            key.get("kid") == kid and jwk.same_key(key, required[kid] or {}) for key in keys for kid in different
        )
        seen = f"A different key than expected is published under the kid {listed(different)}."
        report.error("kid-expected", seen, because="jwk-kid" if hidden else None)
    elif required:
        report.ok("kid-expected", f"The expected keys are published: {listed(required)}.")
