# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An issuer's discovery document and keys, fetched and judged as STS does."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from .site import Site

# The 101st key of a type makes all of that type unusable.
MAXIMUM_KEYS_OF_A_TYPE = 100


class IssuerUnreachable(Exception):
    """Nothing answers at the issuer's host."""


class UnusableDocuments(Exception):
    """The documents are not there, not JSON, or not the issuer's."""


def fetch_keys(site: Site, issuer: str) -> dict[str, dict[str, Any]]:
    """:return: the keys by kid, of two with the same kid the last
    :raises IssuerUnreachable, UnusableDocuments:
    """
    discovery = _fetch_json(site, issuer.rstrip("/") + "/.well-known/openid-configuration")
    if discovery.get("issuer") != issuer:
        raise UnusableDocuments("The discovery document is another issuer's.")
    keys = _fetch_json(site, discovery.get("jwks_uri")).get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise UnusableDocuments("The JWKS has no list of keys.")
    counts = Counter(key.get("kty") for key in keys)
    return {key["kid"]: key for key in keys if key.get("kid") and counts[key.get("kty")] <= MAXIMUM_KEYS_OF_A_TYPE}


def _fetch_json(site: Site, url: Any) -> dict[str, Any]:
    parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    if parts.scheme != "https":
        raise UnusableDocuments("Documents are fetched over HTTPS alone.")
    answer = site.fetch(parts.netloc, parts.path, origin="sts")
    if answer is None:
        raise IssuerUnreachable(parts.netloc)
    try:
        document = json.loads(answer.body) if answer.status == 200 else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise UnusableDocuments(f"{url} is not a JSON object.")
    return document
