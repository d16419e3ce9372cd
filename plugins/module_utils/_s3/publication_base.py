# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two documents in their bucket: what publishing and removing have in common."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import account_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.aws_resource import AwsResource
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import not_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import cut, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents, issuer_url, published_keys
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import difference
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_names import check_bucket_name
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_location import Site, object_name
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_store import S3Store, Stored

# AWS documents no rule for how long it keeps a JWKS. This asks every cache to look again each time, so that a new key
# is seen at once; the documents are small and rarely read.
DEFAULT_CACHE_CONTROL = "no-cache"

# Results show only the start of a longer kid. The kids of Kubernetes have 43 characters.
_MAX_KID = 1000

# A discovery document of this collection has about 500 characters.
_MAX_DISCOVERY = 64 << 10

_OVERWRITE_HINT = (
    "Choose another bucket or prefix; or, if nothing depends on it any more, set overwrite (irsa_issuer_overwrite)."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublicationSpec:
    """What must be published, and where.

    The texts are None while they cannot be known yet, which only check mode allows. ``withdraw`` are the kids of
    published keys that are to leave. ``region`` is the bucket's, None if it is not known: clients find the bucket in
    any region.
    """

    bucket: str
    issuer: str
    prefix: str | None = None
    jwks_json: str | None = None
    discovery_json: str | None = None
    withdraw: t.Sequence[str] = ()
    purge_keys: bool = False
    overwrite: bool = False
    cache_control: str = DEFAULT_CACHE_CONTROL
    account_id: str | None = None
    region: str | None = None


class Documents(AwsResource):
    """JWKS and discovery document of an issuer, as they are stored.

    ``ours`` are the keys that the run was given, None while they are not known. ``damage_hint`` says what to do about a
    document of this very issuer that cannot be read.
    """

    ours: list[jwk.Jwk] | None = None
    damage_hint = ""

    def __init__(self, aws: Aws, spec: PublicationSpec) -> None:
        """Raises IrsaError for a spec that cannot be published."""
        if spec.prefix:
            issuer_url.check_prefix(spec.prefix)
        # The bucket may belong to others, in any namespace; only its form matters.
        check_bucket_name(spec.bucket, "any")
        super().__init__(aws)
        self.spec = spec
        self.issuer = issuer_url.parse_registered(spec.issuer)
        self.jwks_key, self.discovery_key = issuer_url.object_keys(spec.prefix)
        self.account_id = account_of(aws, spec.account_id)
        self.store = S3Store(aws, spec.bucket, self.account_id)
        self.etags: dict[str, str | None] = {}
        self.published: list[jwk.Jwk] = []
        self.foreign: list[jwk.Jwk] = []
        self._assumed_absent = False

    def assume_absent(self) -> None:
        """Let the first plan assume, without reading, that both documents are still absent, as they were a moment ago.

        If that is wrong, the condition of the writes fails, and the next plan reads them.
        """
        self._assumed_absent = True

    def start(self) -> None:
        """Start reading both documents, in parallel with other reads. Raises CallFailed if there is no client."""
        self.store.start(self.jwks_key)
        self.store.start(self.discovery_key)

    def read(self) -> tuple[Stored | None, Stored | None]:
        """Return JWKS and discovery document as stored. Raises IrsaError for documents that must not be overwritten."""
        if self._assumed_absent:
            self._assumed_absent = False
            return None, None
        self.start()
        jwks, discovery = self.store.read(self.jwks_key), self.store.read(self.discovery_key)
        self.etags = {
            self.jwks_key: jwks.etag if jwks else None,
            self.discovery_key: discovery.etag if discovery else None,
        }
        self.warnings.clear()
        if discovery is not None and not self.spec.overwrite:
            self._check_issuer(discovery, jwks)
        return jwks, discovery

    def _check_issuer(self, stored: Stored, jwks: Stored | None) -> None:
        where, document = self.where(self.discovery_key), object_in(stored)
        if document is None and self._holds_a_key_of_ours(jwks):
            raise IrsaError(
                f"{where} is damaged: it {not_json(stored.content)}. It is this issuer's, since the JWKS beside it "
                f"holds the key of this run. Nothing was changed. {self.damage_hint}"
            )
        if document is None:
            raise IrsaError(f"{where} {not_json(stored.content)}. It may belong to something else. {_OVERWRITE_HINT}")
        if document.get("issuer") != self.spec.issuer:
            actual = document.get("issuer")
            how = difference(self.spec.issuer, actual) if isinstance(actual, str) else None
            raise IrsaError(
                f"{where} is the discovery document of another issuer: it names {quoted(actual)}, not "
                f"{quoted(self.spec.issuer)}. {how or ''}{' ' if how else ''}{_OVERWRITE_HINT}"
            )
        if len(stored.text or "") > _MAX_DISCOVERY:
            raise IrsaError(
                f"{where} has {len(stored.text or '')} characters, more than any discovery document. {_OVERWRITE_HINT}"
            )

    def _holds_a_key_of_ours(self, jwks: Stored | None) -> bool:
        try:
            published = jwk.parse_jwks(jwks.text or "") if jwks else []
        except Fault:
            return False
        return any(published_keys.is_any_of(key, self.ours or []) for key in published)

    def where(self, key: str) -> str:
        """Return the name of an object, for messages."""
        return object_name(self.spec.bucket, key)

    def present_jwks_url(self, discovery: Stored | None) -> str | None:
        """Return where relying parties read the JWKS now; None if the discovery document does not tell them."""
        document = (object_in(discovery) if discovery else None) or {}
        return documents.jwks_url_in(document, self.spec.issuer)

    def jwks_key_at(self, url: str) -> str | None:
        """Return the key under which this bucket holds the JWKS that a URL serves; None if that is not certain."""
        return self.jwks_key if url == self.new_jwks_url else self.object_key_at(url)

    def object_key_at(self, url: str) -> str | None:
        """Return the key under which this bucket holds what a URL serves; None if that is not certain."""
        endpoint = endpoint_of(self.aws.client("s3"))
        return Site(self.issuer, self.spec.bucket, self.spec.prefix, endpoint).key_of(url)

    @property
    def new_jwks_url(self) -> str:
        """The URL of the JWKS in the document to be published; while that is not known, the default of the issuer."""
        url = (documents.object_in(self.spec.discovery_json or "") or {}).get("jwks_uri")
        return url if isinstance(url, str) else self.issuer.jwks_url

    def parse_keys(self, stored: Stored | None, key: str, discovery: Stored | None) -> list[jwk.Jwk]:
        """Return the keys published in an object, which is damaged if the discovery document names it as the JWKS.

        Raises IrsaError if they cannot be read, unless ``overwrite`` says to go on.
        """
        if stored is None:
            return []
        try:
            return jwk.parse_jwks(stored.content)
        except Fault as fault:
            if self.spec.overwrite:
                self.warnings.append(
                    f"{self.where(key)} cannot be read: {fault}. If it publishes keys, this run does "
                    "not know them, and goes on because of overwrite (irsa_issuer_overwrite)."
                )
                return []
            url = self.present_jwks_url(discovery)
            if url is None or self.jwks_key_at(url) != key:
                raise IrsaError(f"{self.where(key)} is not ours: {fault}. {_OVERWRITE_HINT}") from None
            raise IrsaError(
                f"{self.where(key)} is damaged: {fault}. It is this issuer's, since the discovery "
                f"document {self.where(self.discovery_key)} names it. Nothing was changed. {self.damage_hint}"
            ) from None

    def after_write(self, change: ApiCall, answer: t.Mapping[str, t.Any]) -> None:
        self.etags[change.params["Key"]] = answer.get("ETag")

    def values(self, changes: t.Sequence[ApiCall] = ()) -> dict[str, t.Any]:
        changed = {change.params["Key"] for change in changes}
        urls = ((self.jwks_key, self.issuer.jwks_url), (self.discovery_key, self.issuer.discovery_url))
        return {
            "documents": [
                {"key": key, "url": url, "etag": self.etags.get(key), "changed": key in changed} for key, url in urls
            ],
            "account_id": self.account_id,
            "kids": [_shown_kid(key) for key in self.published],
            "foreign_kids": [_shown_kid(key) for key in self.foreign],
            "published_keys": [
                {"kid": _shown_kid(key), "algorithm": jwk.algorithm_of(key), "foreign": is_foreign}
                for key, is_foreign in zip(
                    self.published, published_keys.which_are(self.foreign, self.published), strict=True
                )
            ],
        }


def object_in(stored: Stored) -> dict[str, t.Any] | None:
    """Return the JSON object that is stored; an empty one for other JSON, None for what is not JSON."""
    return documents.object_in(stored.text or "")


def _shown_kid(key: jwk.Jwk) -> t.Any:
    """Return a kid as results have it: of bounded length, and without halves of characters, which no one can print."""
    kid = key.get("kid")
    if not isinstance(kid, str):
        return None if kid is None else quoted(kid)
    return cut(kid, _MAX_KID).encode("utf-8", "backslashreplace").decode()
