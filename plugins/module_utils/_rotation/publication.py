# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The published keys of an issuer as a rotation changes them: one joins, one leaves, all others stay."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set, documents, issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_store import Stored, time_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import (
    DEFAULT_CACHE_CONTROL,
    PublicationSpec,
    object_in,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_present import PresentDocuments
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.cache_headers import seconds_cached

_ALGORITHMS = "id_token_signing_alg_values_supported"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StateSpec:
    """What a step of a rotation changes at the store: the options of module irsa_rotation_state.

    :ivar publish: public keys in PEM
    :ivar withdraw: key IDs that leave the JWKS
    :ivar events: what is to be remembered, as ``record.Event.from_dict`` takes it
    :ivar by: who runs the playbook
    :ivar known_runs: others that began and did not end when it was decided what this step does
    :ivar forget: keys that nothing uses, of which the record drops what no decision needs when it is written
    """

    bucket: str
    issuer: str
    prefix: str | None = None
    account_id: str | None = None
    region: str | None = None
    cache_control: str = DEFAULT_CACHE_CONTROL
    publish: t.Sequence[str] = ()
    withdraw: t.Sequence[str] = ()
    events: t.Sequence[t.Mapping[str, t.Any]] = ()
    by: str | None = None
    known_runs: t.Sequence[str] = ()
    forget: t.Sequence[str] = ()


class RotatedDocuments(PresentDocuments):
    """The two documents as a resource.

    :ivar kids: those of the keys to publish
    :ivar now: the time by the store's clock
    :ivar modified: when the JWKS was written last; None if the store does not say
    :ivar since: for each key ID that was seen in the JWKS, a time at which it was there, as early as is known
    :ivar left: when this run took a key out of the JWKS
    :ivar algorithms: those that the discovery document names, sorted; None: the next change of keys writes it, whatever
        they are
    """

    def __init__(self, aws: Aws, spec: StateSpec) -> None:
        """Raises IrsaError for keys that STS cannot use, and for a key to publish and to withdraw."""
        keys = _keys_in(spec.publish)
        self.kids = [str(key["kid"]) for key in keys]
        both = sorted({*self.kids} & {*spec.withdraw})
        if both:
            raise IrsaError(f"{listed(both)} cannot be in publish and in withdraw.")
        issuer = issuer_url.parse(spec.issuer)
        discovery = documents.discovery(issuer.url, issuer.jwks_url, documents.algorithms_of(keys))
        super().__init__(
            aws,
            PublicationSpec(
                bucket=spec.bucket,
                issuer=spec.issuer,
                prefix=spec.prefix,
                jwks_json=documents.render({"keys": keys}),
                discovery_json=documents.render(discovery),
                withdraw=spec.withdraw,
                cache_control=spec.cache_control,
                account_id=spec.account_id,
                region=spec.region,
            ),
        )
        self.now: float = 0
        self.modified: float | None = None
        self.since: dict[str, float] = {}
        self.left: dict[str, float] = {}
        self.algorithms: list[str] | None = None
        self._headers: t.Mapping[str, str] = {}

    def read(self) -> tuple[Stored | None, Stored | None]:
        """Raises IrsaError also if there is no JWKS: only an issuer that exists has a key to change."""
        jwks, discovery = super().read()
        where = self.where(self.jwks_key)
        if jwks is None:
            raise IrsaError(
                f"There is no JWKS {where}, so the issuer {self.spec.issuer} has no key that could be changed. Check "
                "irsa_issuer_bucket, irsa_issuer_prefix and irsa_issuer_region; if they are right, run role "
                "irsa_issuer first."
            )
        if jwks.read_at is None:
            raise IrsaError(
                f"The answer to s3:GetObject on {where} does not say what time it is (header Date). A rotation waits "
                "by the store's clock. Something between here and the store removes the header; let it pass."
            )
        self.now, self.modified, self._headers = jwks.read_at, jwks.modified, jwks.headers
        if jwks.modified is None:
            self.warnings.append(
                f"The store does not say when {where} was written (header Last-Modified). A key that is not in the "
                "record of the rotation counts as published from now on."
            )
        return jwks, discovery

    def plan(self) -> list[ApiCall]:
        changes = super().plan()
        for kid in (key.get("kid") for key in self.current_keys):
            if kid and isinstance(kid, str):
                self.since.setdefault(kid, self.now if self.modified is None else self.modified)
        return changes if self.kids or self.spec.withdraw else []

    def after_write(self, change: ApiCall, answer: t.Mapping[str, t.Any]) -> None:
        super().after_write(change, answer)
        # The answer is later than the write, so that no wait becomes shorter.
        self.now = max(self.now, time_of(answer) or self.now)
        if change.params["Key"] == self.jwks_key:
            self.modified = self.now
            for kid in self.kids:
                self.since.setdefault(kid, self.now)
            self.left.update(dict.fromkeys(self.spec.withdraw, self.now))

    def cache_control(self, current: Stored | None) -> str:
        """What is stored: those who have read the JWKS before may keep it for as long as it said then."""
        return current.headers.get("Cache-Control", "") if current else self.spec.cache_control

    def desired_discovery(self, stored: Stored | None, given: dict[str, t.Any]) -> str:
        """The present document with the algorithms of the published keys."""
        present, self.algorithms = object_in(stored) if stored else None, None
        if not (stored and present and self.present_jwks_url(stored) == given["jwks_uri"]):
            return super().desired_discovery(stored, given)
        algorithms, named = documents.algorithms_of(self.published), present.get(_ALGORITHMS)
        if stored.text and stored.text.isascii() and isinstance(named, list):
            is_served = self.store.matches(stored, stored.text, self.cache_control(stored))
            self.algorithms = sorted(map(str, named)) if is_served else None
            if sorted(map(str, named)) == algorithms:
                return stored.text
        return documents.render({**present, _ALGORITHMS: algorithms})

    def warn_kept(self) -> None:
        """A rotation is never given all keys."""

    @property
    def state(self) -> dict[str, t.Any]:
        """What is published, as results have it."""
        return {
            "published": [
                {"kid": key["kid"], "algorithm": key["algorithm"]} for key in self.values()["published_keys"]
            ],
            "jwks_json": self.texts.get(self.jwks_key),
            "algorithms": self.algorithms,
            "modified": self.modified,
            "max_age": self._max_age(),
            "now": self.now,
            "account_id": self.account_id,
        }

    def _max_age(self) -> int | None:
        """Return for how long caches may keep the JWKS, in seconds; None if it does not say so."""
        if not {"Cache-Control", "Expires"} & self._headers.keys():
            return None
        return seconds_cached({name.lower(): value for name, value in self._headers.items()})


def _keys_in(texts: t.Sequence[str]) -> list[dict[str, t.Any]]:
    """Return the keys to publish. Raises IrsaError for one that STS cannot use."""
    return documents.merge_keys(
        each
        for number, text in enumerate(texts, 1)
        for each in document_set.from_pem(f"publish: key {number}", text.encode("utf-8", "replace"))
    )
