# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two published documents: from keys to exact bytes."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk

Document = dict[str, t.Any]

MAX_BYTES = 1 << 20  # a JWKS of 100 RSA keys of 4096 bits has 80 kB


class SourcedKey(t.NamedTuple):
    """A JWK, and where it comes from, for messages."""

    source: str
    key: jwk.Jwk


def object_in(content: str | bytes) -> Document | None:
    """Return the JSON object in a text or in UTF-8; an empty one for other JSON, None for what is not JSON."""
    try:
        document = parse_json(content if isinstance(content, str) else content.decode("utf-8"))
    except ValueError:
        return None
    return document if isinstance(document, dict) else {}


def jwks_url_in(document: Document, issuer: str) -> str | None:
    """Return where relying parties of the issuer read the JWKS; None if the discovery document does not tell them."""
    url = document.get("jwks_uri")
    is_usable = isinstance(url, str) and url.lower().startswith(("https://", "http://"))
    return url if is_usable and document.get("issuer") == issuer else None


def render(document: Document) -> str:
    """Return a document's text: sorted, indented, in ASCII, with a final newline. Equal documents have equal bytes."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def discovery(issuer: str, jwks_uri: str, algorithms: t.Iterable[str]) -> Document:
    """Return the discovery document (OpenID Connect Discovery 1.0, section 3).

    Its fields are those of the EKS webhook's guide:
    https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/SELF_HOSTED_SETUP.md
    """
    return {
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted(set(algorithms)),
        "claims_supported": ["sub", "iss"],
    }


def algorithms_of(keys: t.Iterable[jwk.Jwk]) -> list[str]:
    """Return the algorithms that the keys of a JWKS sign with, sorted, which the discovery document must list."""
    signing = (key for key in keys if key.get("use", "sig") == "sig")
    return sorted({algorithm for algorithm in map(jwk.algorithm_of, signing) if algorithm})


def merge_keys(sourced_keys: t.Iterable[SourcedKey]) -> list[jwk.Jwk]:
    """Return usable keys in the order given, one for each kid.

    Raises IrsaError for a key that STS would refuse, and for two different keys, or algorithms, with the same kid.
    """
    merged: dict[str, jwk.Jwk] = {}
    for source, candidate in sourced_keys:
        try:
            key = jwk.usable(candidate)
        except Fault as fault:
            raise IrsaError(f"{source} cannot be published: {fault}.") from None
        first = merged.setdefault(key["kid"], key)
        if jwk.same_key(first, key) and candidate.get("alg", first["alg"]) != first["alg"]:
            raise IrsaError(
                f"{source} has the kid {quoted(key['kid'])} for {key['alg']}, and the same key is given for "
                f"{first['alg']} under that kid. STS uses only one of the two. Leave one of them out."
            )
        if not jwk.same_key(first, key):
            raise IrsaError(
                f"{source} has the kid {quoted(key['kid'])}, which a different key has too. STS uses only the last of "
                "two keys with the same kid. Leave one of them out."
            )
    return list(merged.values())


def jwks(keys: t.Sequence[jwk.Jwk], legacy_empty_kid: bool = False) -> Document:
    """Return a JWKS of usable keys.

    ``legacy_empty_kid`` adds the first key again with an empty kid, for Kubernetes before 1.16, whose tokens have none
    (the same guide, step "Generate the keypair"). Raises IrsaError for more keys than STS reads.
    """
    published = list(keys)
    if legacy_empty_kid:
        published.append({**published[0], "kid": ""})
    jwk.check_count(published)
    return {"keys": published}
