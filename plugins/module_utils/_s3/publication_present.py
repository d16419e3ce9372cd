# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publish the two documents: written if they differ, and published keys of others kept."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome, ensure
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_host
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, key_facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import (
    document_set,
    documents,
    issuer_url,
    published_keys,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.public_issuer import require_public
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import given_documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_issuer_rules import (
    check_bucket_of_issuer,
    check_host_of_issuer,
    check_own_host,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_store import Stored
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import (
    Documents,
    PublicationSpec,
    object_in,
)


def ensure_present(
    aws: Aws, spec: PublicationSpec, check_mode: bool, *, documents: type[PresentDocuments] | None = None
) -> Outcome[ApiCall]:
    """Publish the documents, the JWKS first. Needs the clients s3 and sts.

    The outcome's values are ``documents``, ``account_id``, ``kids``, ``foreign_kids``, ``published_keys``,
    ``jwks_json`` and ``discovery_json``. Raises IrsaError.
    """
    return ensure((documents or PresentDocuments)(aws, spec), aws, check_mode)


class PresentDocuments(Documents):
    """The documents as a resource whose desired state is present."""

    damage_hint = (
        "Set overwrite (irsa_issuer_overwrite) to publish the keys of this run all the same. If it held other keys "
        "that are still in use, give them in extra_jwks (irsa_issuer_extra_jwks)."
    )

    def __init__(self, aws: Aws, spec: PublicationSpec) -> None:
        self.ours = given_documents.jwks_in(spec.jwks_json)
        self.discovery = given_documents.discovery_in(spec.discovery_json)
        if self.discovery is not None and self.discovery.get("issuer") != spec.issuer:
            raise IrsaError(
                f"discovery_json names the issuer {quoted(self.discovery.get('issuer'))}, and issuer is "
                f"{quoted(spec.issuer)}; "
                "they must be the same, byte for byte."
            )
        if any(jwk.has_private_members(key) for key in self.ours or []):
            raise IrsaError(
                "jwks_json holds a private key. Nothing was published. Treat that key as disclosed if the text was "
                "stored or sent anywhere."
            )
        issuer = issuer_url.parse(spec.issuer)
        self.texts: dict[str, str] = {}
        self.current_keys: list[jwk.Jwk] = []
        super().__init__(aws, spec)
        self._check_address(issuer)

    def _check_address(self, issuer: issuer_url.Issuer) -> None:
        """Raise IrsaError if relying parties could not read at the issuer's address what is published here."""
        bucket = self.spec.bucket
        require_public(issuer, self.aws, "s3")
        document_set.refuse_internal_jwks_url(self.new_jwks_url, issuer)
        check_bucket_of_issuer(issuer.url, bucket, self.spec.prefix)
        check_host_of_issuer(issuer.url, bucket, self.spec.region)
        if "." in bucket and issuer.host.lower() == endpoint_of(self.aws.client("s3")).bucket_host(bucket).lower():
            check_own_host(bucket)

    def plan(self) -> list[ApiCall]:
        jwks, discovery = self.read()
        self._check_new_url(discovery)
        self._warn_replaced_issuer(discovery)
        in_place = published_keys.without(self.spec.withdraw, self.parse_keys(jwks, self.jwks_key, discovery))
        elsewhere = published_keys.without(self.spec.withdraw, self._keys_elsewhere(discovery))
        self.current_keys = in_place + elsewhere
        if not self.spec.purge_keys:
            self._refuse_private_keys(in_place, self.jwks_key)
            self._refuse_reused_kids(in_place, elsewhere)
        # The JWKS first: the discovery document must not name an algorithm or a URL that is not served yet.
        stored = ((self.jwks_key, jwks), (self.discovery_key, discovery))
        ours = self.ours or []
        foreign = published_keys.foreign_keys(ours, self.current_keys)
        self.foreign = self.not_purged(foreign) if self.spec.purge_keys else foreign
        if self.ours is None or self.discovery is None:
            self.published = list(self.foreign)
            return [self._write(key, current, self._preview(key)) for key, current in stored]
        ours = published_keys.as_published(published_keys.with_free_names(ours, self.foreign), in_place)
        self.published = published_keys.in_present_order(ours + self.foreign, in_place)
        self._check_published()
        self._warn_foreign()
        self.texts = {
            self.jwks_key: self._desired_jwks(jwks, self.spec.jwks_json or ""),
            self.discovery_key: self.desired_discovery(discovery, self.discovery),
        }
        return [
            self._write(key, current, self.texts[key])
            for key, current in stored
            if current is None or not self.store.matches(current, self.texts[key], self.cache_control(current))
        ]

    def _check_published(self) -> None:
        """Raise IrsaError if relying parties could not use the keys that are to be published."""
        jwk.check_count(self.published)
        if self.spec.withdraw and not self.published:
            raise IrsaError(
                f"{self.where(self.jwks_key)} would have no key without {listed(self.spec.withdraw)}, so that AWS "
                "would refuse every token. Nothing was changed. Publish another key first."
            )

    def _preview(self, key: str) -> str:
        """Return what check mode can show of a document before the key exists."""
        unknown = key_facts.NOT_CREATED
        if key == self.jwks_key:
            return documents.render({"keys": [unknown, *self.foreign]})
        return documents.render(documents.discovery(self.spec.issuer, self.new_jwks_url, [unknown]))

    def _write(self, key: str, current: Stored | None, text: str) -> ApiCall:
        return self.store.write(key, current, text=text, cache_control=self.cache_control(current))

    def cache_control(self, current: Stored | None) -> str:
        """Return the Cache-Control that a document gets in place of what is stored."""
        return self.spec.cache_control

    def _desired_jwks(self, stored: Stored | None, given: str) -> str:
        """Return the text of the JWKS: as given, byte for byte, unless that lacks a key or has another order only."""
        if self.published == self.ours:
            return given
        return _unless_only_order(stored, {"keys": self.published}, {"keys": self.ours})

    def desired_discovery(self, stored: Stored | None, given: dict[str, t.Any]) -> str:
        """Return the text of the discovery document: as given, byte for byte, unless its algorithms are not those of
        the published keys, or it differs only in the order of a list.
        """
        algorithms = documents.algorithms_of(self.published)
        named = given.get("id_token_signing_alg_values_supported")
        is_complete = isinstance(named, list) and sorted(map(str, named)) == algorithms
        complete = given if is_complete else {**given, "id_token_signing_alg_values_supported": algorithms}
        present = (object_in(stored) if stored else None) or {}
        desired = published_keys.with_present_lists(complete, present)
        if desired == given:
            return self.spec.discovery_json or ""
        return _unless_only_order(stored, desired, complete)

    def _keys_elsewhere(self, discovery: Stored | None) -> list[jwk.Jwk]:
        """Return the keys that relying parties read now, if the discovery document names another object.

        Other programs publish the JWKS at openid/v1/jwks, for example. Raises IrsaError if the keys cannot be read.
        """
        url = self.present_jwks_url(discovery)
        key = self.jwks_key_at(url) if url else self.jwks_key
        if self.spec.purge_keys or url is None or key == self.jwks_key:
            return []
        where = self.where(self.discovery_key)
        if key is None:
            if self.spec.overwrite:
                self.warnings.append(
                    f"{where} named {quoted(url)} as the JWKS. The keys published there are not looked at "
                    "(irsa_issuer_overwrite)."
                )
                return []
            raise IrsaError(
                f"{where} names {quoted(url)} as the JWKS, and it is not certain that this is an object of the bucket. "
                "The keys published there would no longer be found. Nothing was changed. Choose another bucket or "
                "prefix; or give those keys in extra_jwks (irsa_issuer_extra_jwks), and set overwrite "
                "(irsa_issuer_overwrite) to go on without looking there."
            )
        return self._keys_at(key, url, discovery)

    def _keys_at(self, key: str, url: str, discovery: Stored | None) -> list[jwk.Jwk]:
        stored = self.store.read(key)
        keys = self.parse_keys(stored, key, discovery)
        self._refuse_private_keys(keys, key)
        kept = f"The keys of {self.where(key)} are kept: {listed(each.get('kid') for each in keys)}. " if keys else ""
        self.warnings.append(
            f"The discovery document names {quoted(url)} as the JWKS; with this run it names {self.new_jwks_url}. "
            + (f"{kept}That object stays as it is." if stored else f"There is no object {self.where(key)}.")
        )
        return keys

    def _check_new_url(self, discovery: Stored | None) -> None:
        """Look where relying parties would read the JWKS after this run, if that is not the issuer's default.

        Raises IrsaError if it is another object of this bucket, in which the keys would not be.
        """
        expected = self.new_jwks_url
        if expected == self.issuer.jwks_url:
            return
        key = self.object_key_at(expected)
        if key == self.jwks_key:
            return
        if key is not None and parse_s3_host(urlsplit(expected).hostname or ""):
            raise IrsaError(
                f"discovery_json names {quoted(expected)} as the JWKS, which is {self.where(key)}. The keys are in "
                f"{self.where(self.jwks_key)}, so no relying party would find them. Nothing was changed. Leave out "
                "jwks_uri of irsa_jwks."
            )
        present = self.present_jwks_url(discovery)
        if present not in (None, expected):
            self.warnings.append(
                f"The discovery document names {quoted(present)} as the JWKS; now it names {quoted(expected)}, "
                "as discovery_json does. What is served there was not looked at. Make sure that it has all the keys."
            )

    def _warn_replaced_issuer(self, discovery: Stored | None) -> None:
        document = object_in(discovery) if discovery else None
        if document is not None and document.get("issuer") != self.spec.issuer:
            self.warnings.append(
                f"{self.where(self.discovery_key)} was the discovery document of another issuer, "
                f"{quoted(document.get('issuer'))}, with the JWKS {quoted(document.get('jwks_uri'))}. It is replaced "
                "(irsa_issuer_overwrite)."
            )

    def _refuse_private_keys(self, keys: list[jwk.Jwk], place: str) -> None:
        exposed = [key.get("kid") for key in keys if jwk.has_private_members(key)]
        if exposed:
            by_hand = "" if place == self.jwks_key else f", and remove {self.where(place)} yourself"
            raise IrsaError(
                f"{self.where(place)} publishes PRIVATE members of the key {listed(exposed)}: anyone can sign "
                "tokens with it. Replace that key everywhere at once, and run with purge_keys "
                f"(irsa_issuer_purge_keys) to remove it{by_hand}."
            )

    def _refuse_reused_kids(self, in_place: list[jwk.Jwk], elsewhere: list[jwk.Jwk]) -> None:
        reused = published_keys.reused_kids(self.ours or [], self.current_keys)
        reused = reused or published_keys.reused_kids(elsewhere, in_place)
        if reused:
            raise IrsaError(
                f"{self.where(self.jwks_key)} would get another key under a published kid: {listed(reused)}. AWS would "
                "refuse every token that is signed with the published one. Nothing was changed. Give the new key "
                "another kid; or set purge_keys (irsa_issuer_purge_keys), which removes this and every other published "
                "key that the run is not given."
            )

    def _warn_foreign(self) -> None:
        self.warn_kept()
        changed = published_keys.changed_algorithms(self.ours or [], self.current_keys)
        if changed:
            self.warnings.append(
                f"With this run, the JWKS names another algorithm for a published key: {listed(changed)}. AWS STS "
                "refuses tokens that are signed with the former one."
            )
        if published_keys.loses_legacy_copy(self.published, self.current_keys):
            self.warnings.append(
                "The copy of this issuer's key with an empty kid is no longer published: AWS refuses tokens without "
                "a kid, as those of Kubernetes before 1.16. Set irsa_issuer_legacy_empty_kid to keep the copy."
            )
        if published_keys.with_free_names(self.ours or [], self.foreign) != self.ours:
            self.warnings.append(
                "A foreign key has an empty kid, so the copy of this issuer's key with an empty kid "
                "(irsa_issuer_legacy_empty_kid) is not published: STS could find only one of them."
            )

    def not_purged(self, foreign: list[jwk.Jwk]) -> list[jwk.Jwk]:
        """Return which of the published keys that the run was not given stay although it purges keys."""
        return []

    def warn_kept(self) -> None:
        """Warn of the published keys that the run was not given, and that stay."""
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


def _unless_only_order(stored: Stored | None, desired: dict[str, t.Any], given: dict[str, t.Any]) -> str:
    """Return the stored text if it is the desired document, which differs from the given one in the order only."""
    if stored is not None and stored.text and desired != given and object_in(stored) == desired:
        return stored.text if stored.text.isascii() else documents.render(desired)
    return documents.render(desired)
