# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is served as discovery document and key set, against what STS asks of them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html

Whoever serves them may put anything into them, so nothing is taken for what it ought to be.
"""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import strict
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import difference
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted

DISCOVERY_IDS = ("discovery-json", "discovery-fields", "discovery-issuer", "jwks-uri")
KEY_IDS = (
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

_RSA_ALGORITHMS = ("RS256", "RS384", "RS512")

# Faults repeat what is in a key, and that may be of any length.
_MOST_CHARACTERS = 300

_LISTS = ("response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported")

Keys = t.Sequence[jwk.Jwk]


def parse_json(report: Report, check: str, url: str, body: bytes) -> t.Any:
    """The JSON that was served, None where it is none (or null), which is reported."""
    try:
        # Only UTF-8 is JSON: https://www.rfc-editor.org/rfc/rfc8259#section-8.1
        document = strict.parse_json(body.decode("utf-8"))
    except UnicodeDecodeError:
        report.error(check, f"{url} is not UTF-8, so it is no JSON.")
        return None
    except ValueError:
        report.error(check, f"{url} is not JSON{'; it is empty' if not body.strip() else ''}.")
        return None
    if not isinstance(document, dict):
        report.error(check, f"{url} is JSON, and no object.")
        return None
    return document


def check_discovery(
    report: Report, document: t.Mapping[str, t.Any], url: str, issuer: str, host: str
) -> t.Optional[str]:
    """Check a discovery document; returns where the key set is, None where that cannot be followed."""
    report.ok("discovery-json", f"{url} is JSON.")
    missing = [name for name in ("issuer", "jwks_uri", *_LISTS) if document.get(name) in (None, "", [])]
    odd = [name for name in _LISTS if name not in missing and not _is_list_of_texts(document[name])]
    if missing:
        report.error("discovery-fields", f"The discovery document lacks {', '.join(missing)}.")
    elif odd:
        report.error("discovery-fields", f"In the discovery document {', '.join(odd)} is no list of texts.")
    else:
        report.ok("discovery-fields", "The discovery document has every field that AWS asks for.")
    _check_issuer(report, document.get("issuer"), issuer)
    return _check_jwks_uri(report, document.get("jwks_uri"), host)


def _is_list_of_texts(value: t.Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _check_issuer(report: Report, found: t.Any, issuer: str) -> None:
    if found == issuer:
        report.ok("discovery-issuer", f"The discovery document names the issuer {issuer}.")
    elif found in (None, ""):
        report.skipped("discovery-issuer", "The discovery document names none.")
    else:
        seen = f"The discovery document names the issuer {quoted(found)}, not {issuer!r}."
        report.error("discovery-issuer", seen, difference(issuer, found) if isinstance(found, str) else None)


def _check_jwks_uri(report: Report, uri: t.Any, host: str) -> t.Optional[str]:
    if uri in (None, ""):
        report.skipped("jwks-uri", "The discovery document names none.")
        return None
    fault, parts = _fault_of_url(uri)
    if fault:
        report.error("jwks-uri", f"jwks_uri is {quoted(uri)}, {fault}.")
        return None
    if parts.hostname != host.lower():
        report.warning(
            "jwks-uri",
            f"jwks_uri is {quoted(uri)}, on another host than the issuer.",
            "That may be meant. STS then depends on both hosts, and whoever has the other one can sign tokens.",
            "Serve the keys beside the discovery document, unless it is meant.",
        )
    elif parts.port not in (None, 443):
        report.warning(
            "jwks-uri",
            f"jwks_uri is {quoted(uri)}, on the port {parts.port}.",
            "An issuer must have no port; what STS does with one here is not documented.",
            "Serve the keys on port 443, beside the discovery document.",
        )
    else:
        report.ok("jwks-uri", f"jwks_uri is {uri}, on the issuer's own host.")
    return uri


def _fault_of_url(uri: t.Any) -> tuple[t.Optional[str], t.Any]:
    """Why an address cannot be fetched, and its parts where it can."""
    if not isinstance(uri, str):
        return "which is no text", None
    try:
        parts = urlsplit(uri)
        port, host = parts.port, parts.hostname
    except ValueError:
        return "which is no URL", None
    if parts.scheme == "http":
        return "and AWS fetches it over https alone", None
    if parts.scheme != "https" or not host or port == 0:
        return "which is no https URL", None
    if "@" in parts.netloc:
        return "which holds a user name", None
    if not uri.isascii() or not uri.isprintable() or " " in uri:
        return "which holds a space, a control character or one outside ASCII", None
    return None, parts


def check_keys(report: Report, document: t.Any, url: str, supported: t.Any) -> t.Optional[Keys]:
    """Check a key set; returns its keys, None where it is none. ``supported`` is what the discovery document names as
    algorithms.
    """
    try:
        keys = jwk.keys_of(document)
    except Fault as fault:
        report.error("jwks-json", f"{url} cannot be used: {fault}.")
        return None
    if not keys:
        report.error("jwks-json", f"{url} is a key set with no key in it.", "No key was published yet.")
        return keys
    report.ok("jwks-json", f"{url} is JSON with {len(keys)} key{'s' if len(keys) > 1 else ''}.")
    _check_public_only(report, keys)
    _check_kids(report, keys)
    _check_members(report, keys)
    _check_numbers(report, keys)
    _check_count(report, keys)
    _check_algorithms(report, keys, supported)
    return keys


def _named(keys: t.Iterable[jwk.Jwk]) -> str:
    return listed(key.get("kid") for key in keys)


def _check_public_only(report: Report, keys: Keys) -> None:
    exposed = [key for key in keys if jwk.has_private_members(key)]
    if exposed:
        report.error("jwk-public-only", f"Private members are published of the keys {_named(exposed)}.")
    else:
        report.ok("jwk-public-only", "No private member is published.")


def _check_kids(report: Report, keys: Keys) -> None:
    nameless = [number for number, key in enumerate(keys, 1) if not isinstance(key.get("kid"), str)]
    by_kid: dict[str, list[jwk.Jwk]] = {}
    for key in keys:
        if isinstance(key.get("kid"), str):
            by_kid.setdefault(key["kid"], []).append(key)
    ambiguous = [kid for kid, same in by_kid.items() if not all(jwk.same_numbers(same[0], key) for key in same)]
    repeated = [kid for kid, same in by_kid.items() if len(same) > 1]
    if nameless:
        report.error("jwk-kid", f"Of {len(keys)} keys these have no kid that is a text: {listed(nameless)}.")
    elif ambiguous:
        report.error("jwk-kid", f"Different keys have the kid {listed(ambiguous)}.")
    elif "" in by_kid:
        report.warning(
            "jwk-kid",
            "A key has an empty kid.",
            "API servers before Kubernetes 1.16 sign without a kid, and such a key was published for them.",
            "Take it away (irsa_issuer_legacy_empty_kid: false) unless the cluster is that old.",
        )
    elif repeated:
        report.warning("jwk-kid", f"A key is there more than once, with the kid {listed(repeated)}.")
    else:
        report.ok("jwk-kid", f"Each key has a kid of its own: {_named(keys)}.")


def _check_members(report: Report, keys: Keys) -> None:
    with_operations = [key for key in keys if "key_ops" in key]
    if with_operations:
        report.error("jwk-key-ops", f"There are key_ops in the keys {_named(with_operations)}.")
    else:
        report.ok("jwk-key-ops", "No key has key_ops.")
    others = [key for key in keys if key.get("use", "sig") != "sig"]
    if others:
        report.error(
            "jwk-use", f"The use of the key {_named(others[:1])} is {quoted(others[0].get('use'))}, not 'sig'."
        )
    else:
        report.ok("jwk-use", "Each key is for signatures.")


def _check_numbers(report: Report, keys: Keys) -> None:
    unusable, uncertified = [], []
    for key in keys:
        try:
            public_key = jwk.public_key_of(key)
        except Fault as fault:
            unusable.append(f"{quoted(key.get('kid'))}: {str(fault)[:_MOST_CHARACTERS]}")
            continue
        if "x5c" not in key:
            continue
        try:
            jwk.check_certificate(key, public_key)
        except Fault as fault:
            uncertified.append(f"{quoted(key.get('kid'))}: {fault}")
    if unusable:
        report.error("jwk-strength", f"{_number_of(unusable)} cannot be used. The first is {unusable[0]}.")
    else:
        report.ok("jwk-strength", "Each key is of a kind and size that STS verifies with.")
    if uncertified:
        report.error("jwk-certificate", f"{_number_of(uncertified)} cannot be used. The first is {uncertified[0]}.")
    elif any("x5c" in key for key in keys):
        report.ok("jwk-certificate", "The certificates in the keys are of those keys.")
    else:
        report.ok("jwk-certificate", "No key has a certificate.")


def _number_of(faults: t.Sequence[str]) -> str:
    return "One key" if len(faults) == 1 else f"{len(faults)} keys"


def _check_count(report: Report, keys: Keys) -> None:
    try:
        jwk.check_count(keys)
    except IrsaError:
        kinds = [key.get("kty") for key in keys]
        counts = " and ".join(f"{kinds.count(kind)} {kind}" for kind in ("RSA", "EC") if kind in kinds)
        report.error("jwk-count", f"There are {counts} keys; STS reads {jwk.MOST_KEYS_OF_A_TYPE} of a type at most.")
    else:
        report.ok("jwk-count", "There are no more keys than STS reads.")


def _check_algorithms(report: Report, keys: Keys, supported: t.Any) -> None:
    """Keys that STS has no algorithm for are not looked at; ``jwk-strength`` is of them."""
    known = [key for key in keys if _own_algorithms(key)]
    wrong = [key for key in known if "alg" in key and key["alg"] not in _own_algorithms(key)]
    named = [each for each in supported if isinstance(each, str)] if isinstance(supported, list) else []
    unnamed = sorted(set(documents.algorithms_of(known)) - set(named))
    if wrong:
        report.error(
            "algorithms",
            f"The alg of the key {_named(wrong[:1])} is {quoted(wrong[0]['alg'])}, which STS does not verify with such "
            "a key.",
        )
    elif not known:
        report.skipped("algorithms", "It takes keys of a kind that STS verifies with.")
    elif unnamed:
        report.warning(
            "algorithms", f"The discovery document does not name {listed(unnamed)}, for which there are keys."
        )
    else:
        report.ok("algorithms", "The discovery document names the algorithms of all keys.")


def _own_algorithms(key: jwk.Jwk) -> tuple[t.Any, ...]:
    """The algorithms by which STS verifies with a key of this kind; none for other kinds."""
    if key.get("kty") == "RSA":
        return _RSA_ALGORITHMS
    of_curve = jwk.algorithm_of({"crv": key.get("crv")})
    return (of_curve,) if key.get("kty") == "EC" and of_curve else ()


def check_expected(report: Report, keys: Keys, kids: t.Sequence[str], expected: Keys) -> None:
    """Check that all expected keys are among those published: ``kids`` by their kid, ``expected`` as keys. Nothing is
    reported where none is expected.
    """
    published = {key.get("kid"): key for key in keys if isinstance(key.get("kid"), str)}
    wanted = {kid: None for kid in kids} | {key["kid"]: key for key in expected}
    missing = [kid for kid in wanted if kid not in published]
    others = [
        kid for kid, key in wanted.items() if key and kid in published and not jwk.same_numbers(published[kid], key)
    ]
    if missing:
        report.error("kid-expected", f"The key {listed(missing)} is not published; published are {_named(keys)}.")
    elif others:
        report.error("kid-expected", f"What is published as {listed(others)} is another key than expected.")
    elif wanted:
        report.ok("kid-expected", f"The expected keys are published: {listed(wanted)}.")
