# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two documents in their place: written where they differ, with everybody's keys kept."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents, issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import account_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_names import check_bucket_name
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_store import S3Store, Stored
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.plan import Change, Outcome, carry_out

# AWS documents no rule for how long it keeps a JWKS. This asks every cache to look again each time, so that a new key
# is seen at once; the documents are small and rarely read.
DEFAULT_CACHE_CONTROL = "no-cache"


@dataclasses.dataclass(frozen=True)
class PublicationWish:
    """What is to be published where. The texts are None while they cannot be known yet, which is for planning alone."""

    bucket: str
    issuer: str
    prefix: t.Optional[str] = None
    jwks_json: t.Optional[str] = None
    discovery_json: t.Optional[str] = None
    purge_keys: bool = False
    overwrite: bool = False
    cache_control: str = DEFAULT_CACHE_CONTROL
    account_id: t.Optional[str] = None


def ensure_published(aws: Aws, wish: PublicationWish, check_mode: bool) -> Outcome:
    """Publish the documents, the JWKS first. Needs the clients s3 and sts.

    The outcome's values are ``documents``, ``kids``, ``foreign_kids``, ``keys``, ``jwks_json`` and ``discovery_json``.
    Raises IrsaError.
    """
    room = Publication(aws, wish)
    return room.outcome(carry_out(aws, room, check_mode))


def ensure_unpublished(aws: Aws, wish: PublicationWish, check_mode: bool) -> Outcome:
    """Remove the documents, the discovery document first; those of another issuer are refused. Raises IrsaError."""
    room = Withdrawal(aws, wish)
    return room.outcome(carry_out(aws, room, check_mode))


class _DocumentsRoom:
    """What publishing and removing have in common: reading both documents, and whose they are."""

    def __init__(self, aws: Aws, wish: PublicationWish) -> None:
        # The bucket may be somebody else's, in any namespace; only its form matters.
        if wish.prefix:
            issuer_url.check_prefix(wish.prefix)
        check_bucket_name(wish.bucket, "any")
        self.aws = aws
        self.wish = wish
        self.warnings: list[str] = []
        self.issuer = issuer_url.parse(wish.issuer)
        self.jwks_key, self.discovery_key = issuer_url.object_keys(wish.prefix)
        self.account_id = account_of(aws, wish.account_id)
        self.store = S3Store(aws, wish.bucket, self.account_id)
        self.etags: dict[str, t.Optional[str]] = {}
        self.published: list[jwk.Jwk] = []
        self.foreign: list[jwk.Jwk] = []
        self._is_new = False

    def take_for_new(self) -> None:
        """There was nothing a moment ago, so for the first plan there is nothing to read. The writes' own condition
        tells where that is wrong, and the next plan reads.
        """
        self._is_new = True

    def begin(self) -> None:
        """Start reading both documents, beside other reads."""
        self.store.begin(self.jwks_key)
        self.store.begin(self.discovery_key)

    def read(self) -> tuple[t.Optional[Stored], t.Optional[Stored]]:
        """JWKS and discovery document as they are; raises IrsaError for what must not be overwritten."""
        if self._is_new:
            self._is_new = False
            return None, None
        self.begin()
        jwks, discovery = self.store.read(self.jwks_key), self.store.read(self.discovery_key)
        self.etags = {self.jwks_key: jwks and jwks.etag, self.discovery_key: discovery and discovery.etag}
        self.warnings.clear()
        if discovery is not None and not self.wish.overwrite:
            self._check_issuer(discovery)
        return jwks, discovery

    def _check_issuer(self, stored: Stored) -> None:
        where = f"s3://{self.wish.bucket}/{self.discovery_key}"
        try:
            present = json.loads(stored.text or "")
        except (ValueError, RecursionError):
            raise IrsaError(f"{where} is not JSON, so it may be somebody else's. {self._overwrite_hint}") from None
        name = present.get("issuer") if isinstance(present, dict) else None
        if name != self.wish.issuer:
            raise IrsaError(
                f"{where} is the discovery document of another issuer: it says {name!r}, not {self.wish.issuer!r}. "
                f"{self._overwrite_hint}"
            )

    @property
    def _overwrite_hint(self) -> str:
        return (
            "Choose another bucket or prefix; or, if nothing depends on it any more, set overwrite "
            "(irsa_issuer_overwrite)."
        )

    def parse_keys(self, stored: t.Optional[Stored]) -> list[jwk.Jwk]:
        """The keys that are published; raises IrsaError where that cannot be told and ``overwrite`` does not say to go
        on.
        """
        if stored is None:
            return []
        try:
            return jwk.parse_jwks(stored.text or "")
        except IrsaError as fault:
            if self.wish.overwrite:
                return []
            raise IrsaError(
                f"s3://{self.wish.bucket}/{self.jwks_key} is not ours: {fault}. {self._overwrite_hint}"
            ) from None

    def done(self, change: Change, answer: t.Mapping[str, t.Any]) -> None:
        self.etags[change.params["Key"]] = answer.get("ETag")

    def recheck(self, made: t.Sequence[Change]) -> list[Change]:
        return []  # every write had its condition

    def outcome(self, changes: list[Change]) -> Outcome:
        return Outcome(changes, self.values(changes), self.warnings, sorted(self.aws.permissions))

    def values(self, changes: t.Sequence[Change]) -> dict[str, t.Any]:
        changed = {change.params["Key"] for change in changes}
        urls = ((self.jwks_key, self.issuer.jwks_url), (self.discovery_key, self.issuer.discovery_url))
        foreign_kids = [key.get("kid") for key in self.foreign]
        return {
            "documents": [
                {"key": key, "url": url, "etag": self.etags.get(key), "changed": key in changed} for key, url in urls
            ],
            "account_id": self.account_id,
            "kids": [key.get("kid") for key in self.published],
            "foreign_kids": foreign_kids,
            "published_keys": [
                {"kid": key.get("kid"), "algorithm": jwk.algorithm_of(key), "foreign": key in self.foreign}
                for key in self.published
            ],
        }


class Publication(_DocumentsRoom):
    """The room of documents that are to be present."""

    def __init__(self, aws: Aws, wish: PublicationWish) -> None:
        self.ours = _parse_wanted(wish.jwks_json, "jwks_json", jwk.parse_jwks)
        self.discovery = _parse_wanted(wish.discovery_json, "discovery_json", _parse_discovery)
        if self.discovery is not None and self.discovery.get("issuer") != wish.issuer:
            raise IrsaError(
                f"discovery_json names the issuer {self.discovery.get('issuer')!r}, and issuer is {wish.issuer!r}; "
                "they must be the same, byte for byte."
            )
        for key in self.ours or []:
            if jwk.has_private_members(key):
                raise IrsaError(
                    "jwks_json holds a private key. Nothing was published. Treat that key as disclosed if the text was "
                    "stored or sent anywhere."
                )
        self.texts: dict[str, t.Optional[str]] = {}
        self.present_keys: list[jwk.Jwk] = []
        super().__init__(aws, wish)

    def plan(self) -> list[Change]:
        jwks, discovery = self.read()
        self.present_keys = self.parse_keys(jwks)
        self.foreign = self._foreign_keys(self.present_keys)
        if self.ours is None or self.discovery is None:
            return self._unknown(jwks, discovery)
        self.published = self.ours + self.foreign
        jwk.check_count(self.published)
        self._warn_foreign()
        algorithms = documents.algorithms_of(self.published)
        self.texts = {
            # Nothing is added: the text is published as it was given, byte for byte.
            self.jwks_key: self.wish.jwks_json if not self.foreign else documents.render({"keys": self.published}),
            self.discovery_key: self._discovery_text(algorithms),
        }
        # JWKS first: nobody may read of an algorithm or a place that is not served yet.
        stored = ((self.jwks_key, jwks), (self.discovery_key, discovery))
        return [change for key, present in stored for change in self._write(key, present)]

    def _write(self, key: str, present: t.Optional[Stored]) -> list[Change]:
        text = self.texts[key]
        if present is not None and self.store.is_as_wanted(present, text, self.wish.cache_control):
            return []
        return [self.store.write(key, present, text, self.wish.cache_control)]

    def _discovery_text(self, algorithms: list[str]) -> str:
        named = self.discovery.get("id_token_signing_alg_values_supported")
        if isinstance(named, list) and sorted(map(str, named)) == algorithms:
            return self.wish.discovery_json
        return documents.render({**self.discovery, "id_token_signing_alg_values_supported": algorithms})

    def _unknown(self, jwks: t.Optional[Stored], discovery: t.Optional[Stored]) -> list[Change]:
        """The plan of a check mode before there is a key: both will be written, with what is not known yet."""
        self.published = list(self.foreign)
        text = "(known when the key has been made)\n"
        return [
            self.store.write(key, present, text, self.wish.cache_control)
            for key, present in ((self.jwks_key, jwks), (self.discovery_key, discovery))
        ]

    def _foreign_keys(self, present: list[jwk.Jwk]) -> list[jwk.Jwk]:
        """The published keys that are none of ours and stay."""
        if self.wish.purge_keys:
            return []
        exposed = [key.get("kid") for key in present if jwk.has_private_members(key)]
        if exposed:
            raise IrsaError(
                f"s3://{self.wish.bucket}/{self.jwks_key} publishes PRIVATE members of the key "
                f"{', '.join(map(str, exposed))}: anybody can sign tokens "
                "with it. Replace that key everywhere at once, and run with purge_keys (irsa_issuer_purge_keys) to "
                "take it out."
            )
        ours = self.ours or []
        kids = [key.get("kid") for key in ours]
        foreign = []
        for key in present:
            # An entry without a name of its own may be the legacy copy of one of our keys.
            copy_of_ours = not key.get("kid") and any(jwk.same_numbers(key, own) for own in ours)
            if key.get("kid") not in kids and not copy_of_ours and key not in foreign:
                foreign.append(key)
        return foreign

    def _warn_foreign(self) -> None:
        if self.foreign:
            kids = ", ".join(str(key.get("kid")) for key in self.foreign)
            self.warnings.append(
                f"The JWKS keeps published keys that this run was not given: {kids}. They stay accepted by AWS until "
                "purge_keys (irsa_issuer_purge_keys) takes them out."
            )

    def values(self, changes: t.Sequence[Change]) -> dict[str, t.Any]:
        return {
            **super().values(changes),
            "jwks_json": self.texts.get(self.jwks_key),
            "discovery_json": self.texts.get(self.discovery_key),
        }


class Withdrawal(_DocumentsRoom):
    """The room of documents that are to be gone."""

    def plan(self) -> list[Change]:
        jwks, discovery = self.read()
        self.published = self.foreign = self.parse_keys(jwks)
        stored = ((self.discovery_key, discovery), (self.jwks_key, jwks))
        return [self.store.delete(key, present) for key, present in stored if present is not None]


def _parse_wanted(text: t.Optional[str], option: str, parse: t.Callable[[str], t.Any]) -> t.Any:
    if text is None:
        return None
    if not text.isascii():
        raise IrsaError(f"{option} must be in ASCII, as irsa_jwks writes it.")
    try:
        return parse(text)
    except IrsaError as fault:
        raise IrsaError(f"{option} cannot be published: {fault}.") from None


def _parse_discovery(text: str) -> dict[str, t.Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise IrsaError("it is not JSON") from None
    if not isinstance(document, dict):
        raise IrsaError("it is no JSON object")
    return document
