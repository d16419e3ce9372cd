# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publish the two documents: written if they differ, and published keys of others kept."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome, ensure
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, key_facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_store import Stored
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import Documents, PublicationSpec

Parsed = t.TypeVar("Parsed")


def ensure_present(aws: Aws, spec: PublicationSpec, check_mode: bool) -> Outcome[ApiCall]:
    """Publish the documents, the JWKS first. Needs the clients s3 and sts.

    The outcome's values are ``documents``, ``account_id``, ``kids``, ``foreign_kids``, ``published_keys``,
    ``jwks_json`` and ``discovery_json``. Raises IrsaError.
    """
    return ensure(PresentDocuments(aws, spec), aws, check_mode)


class PresentDocuments(Documents):
    """The documents as a resource whose desired state is present."""

    def __init__(self, aws: Aws, spec: PublicationSpec) -> None:
        self.ours = _parse_option(spec.jwks_json, "jwks_json", jwk.parse_jwks)
        self.discovery = _parse_option(spec.discovery_json, "discovery_json", _parse_discovery)
        if self.discovery is not None and self.discovery.get("issuer") != spec.issuer:
            raise IrsaError(
                f"discovery_json names the issuer {self.discovery.get('issuer')!r}, and issuer is {spec.issuer!r}; "
                "they must be the same, byte for byte."
            )
        if any(jwk.has_private_members(key) for key in self.ours or []):
            raise IrsaError(
                "jwks_json holds a private key. Nothing was published. Treat that key as disclosed if the text was "
                "stored or sent anywhere."
            )
        self.texts: dict[str, str] = {}
        self.current_keys: list[jwk.Jwk] = []
        super().__init__(aws, spec)

    def plan(self) -> list[ApiCall]:
        jwks, discovery = self.read()
        self.current_keys = self.parse_keys(jwks)
        self.foreign = self._foreign_keys(self.current_keys)
        # The JWKS first: the discovery document must not name an algorithm or a URL that is not served yet.
        stored = ((self.jwks_key, jwks), (self.discovery_key, discovery))
        if self.ours is None or self.discovery is None:
            self.published = list(self.foreign)
            return [self._write(key, current, f"{key_facts.NOT_CREATED}\n") for key, current in stored]
        self.published = self.ours + self.foreign
        jwk.check_count(self.published)
        self._warn_foreign()
        self.texts = self._desired_texts(self.spec.jwks_json or "", self.discovery)
        return [
            self._write(key, current, self.texts[key])
            for key, current in stored
            if current is None or not self.store.matches(current, self.texts[key], self.spec.cache_control)
        ]

    def _write(self, key: str, current: Stored | None, text: str) -> ApiCall:
        return self.store.write(key, current, text=text, cache_control=self.spec.cache_control)

    def _desired_texts(self, jwks_json: str, discovery: dict[str, t.Any]) -> dict[str, str]:
        """Return both texts by their keys. A text that needs no addition is published byte for byte as given."""
        algorithms = documents.algorithms_of(self.published)
        named = discovery.get("id_token_signing_alg_values_supported")
        is_complete = isinstance(named, list) and sorted(map(str, named)) == algorithms
        complete = {**discovery, "id_token_signing_alg_values_supported": algorithms}
        return {
            self.jwks_key: documents.render({"keys": self.published}) if self.foreign else jwks_json,
            self.discovery_key: (self.spec.discovery_json or "") if is_complete else documents.render(complete),
        }

    def _foreign_keys(self, current: list[jwk.Jwk]) -> list[jwk.Jwk]:
        """Return the published keys that are not ours and stay. Raises IrsaError if one is private."""
        if self.spec.purge_keys:
            return []
        exposed = [key.get("kid") for key in current if jwk.has_private_members(key)]
        if exposed:
            raise IrsaError(
                f"s3://{self.spec.bucket}/{self.jwks_key} publishes PRIVATE members of the key "
                f"{listed(exposed)}: anyone can sign tokens with it. Replace that key everywhere at once, "
                "and run with purge_keys (irsa_issuer_purge_keys) to remove it."
            )
        ours = self.ours or []
        kids = [key.get("kid") for key in ours]
        foreign: list[jwk.Jwk] = []
        for key in current:
            # An entry without a name of its own may be the legacy copy of one of our keys.
            copy_of_ours = not key.get("kid") and any(jwk.same_key(key, own) for own in ours)
            if key.get("kid") not in kids and not copy_of_ours and key not in foreign:
                foreign.append(key)
        return foreign

    def _warn_foreign(self) -> None:
        if self.foreign:
            kids = listed(key.get("kid") for key in self.foreign)
            self.warnings.append(
                f"The JWKS keeps published keys that this run was not given: {kids}. AWS accepts them until purge_keys "
                "(irsa_issuer_purge_keys) removes them."
            )

    def values(self, changes: t.Sequence[ApiCall] = ()) -> dict[str, t.Any]:
        return {
            **super().values(changes),
            "jwks_json": self.texts.get(self.jwks_key),
            "discovery_json": self.texts.get(self.discovery_key),
        }


def _parse_option(text: str | None, option: str, parse: t.Callable[[str], Parsed]) -> Parsed | None:
    if text is None:
        return None
    if not text.isascii():
        raise IrsaError(f"{option} must be in ASCII, as irsa_jwks writes it.")
    try:
        return parse(text)
    except Fault as fault:
        raise IrsaError(f"{option} cannot be published: {fault}.") from None


def _parse_discovery(text: str) -> dict[str, t.Any]:
    try:
        document = parse_json(text)
    except ValueError:
        raise Fault("it is not JSON") from None
    if not isinstance(document, dict):
        raise Fault("it is not a JSON object")
    return document
