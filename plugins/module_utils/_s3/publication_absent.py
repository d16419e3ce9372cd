# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove the two documents of an issuer from their bucket, the discovery document first, and the record of rotations
last.
"""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome, ensure
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import published_keys
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import rotation_record
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_store import Stored
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import Documents, PublicationSpec


def ensure_absent(aws: Aws, spec: PublicationSpec, check_mode: bool) -> Outcome[ApiCall]:
    """Remove the documents. Raises IrsaError, also for those of another issuer."""
    return ensure(AbsentDocuments(aws, spec), aws, check_mode)


class AbsentDocuments(Documents):
    """The documents as a resource whose desired state is absent.

    ``unproven`` is the key of a JWKS that stays, because nothing shows that it is this issuer's.
    """

    damage_hint = "Set overwrite (irsa_issuer_overwrite) to remove it all the same."

    def __init__(self, aws: Aws, spec: PublicationSpec) -> None:
        super().__init__(aws, spec)
        self.ours: list[jwk.Jwk] | None = _given_keys(spec.jwks_json)
        self.unproven: str | None = None
        self._record_key = rotation_record.key_of(spec.prefix)
        self._proven_etag: str | None = None

    def start(self) -> None:
        super().start()
        self.store.start(self._record_key)

    def plan(self) -> list[ApiCall]:
        jwks, discovery = self.read()
        ours = self.ours or []
        self.published = self.parse_keys(jwks, self.jwks_key, discovery)
        self.foreign = published_keys.foreign_keys(ours, self.published)
        etag = jwks.etag if jwks else None
        is_proven = self.spec.overwrite or self._is_named_by(discovery) or self._holds_a_key_of_ours(jwks)
        # If this run makes its plan again, it may have removed the discovery document already.
        is_proven = is_proven or etag == self._proven_etag
        self._proven_etag = etag if is_proven else None
        self.unproven = self.jwks_key if jwks is not None and not is_proven else None
        if self.unproven:
            self._warn_unproven()
        elif jwks is not None:
            self._warn_foreign()
        record = self.store.read(self._record_key)
        # An object of that name that is no record belongs to something else.
        is_ours = record is not None and not self.unproven and rotation_record.is_record(record.content)
        stored = [
            (self.discovery_key, discovery),
            (self.jwks_key, None if self.unproven else jwks),
            (self._record_key, record if is_ours else None),
        ]
        return [self.store.delete(key, current) for key, current in stored if current is not None]

    def _is_named_by(self, discovery: Stored | None) -> bool:
        """Whether the discovery document, which is this issuer's, names our object as its JWKS."""
        url = self.present_jwks_url(discovery)
        if url is None:
            return False
        key = self.jwks_key_at(url)
        if key != self.jwks_key:
            what = self.where(key) if key else "which may not be in this bucket"
            self.warnings.append(f"The discovery document named {quoted(url)} as the JWKS ({what}), which stays.")
        return key == self.jwks_key

    def _warn_unproven(self) -> None:
        kids = listed(key.get("kid") for key in self.published)
        self.warnings.append(
            f"{self.where(self.jwks_key)} stays: no discovery document of {self.spec.issuer} names it, and it holds no "
            f"key that this run was given (it publishes {kids}), so it may belong to something else. If it is to be "
            "removed, set overwrite (irsa_issuer_overwrite)."
        )

    def _warn_foreign(self) -> None:
        # Without a key to compare with, a single published key is taken for the issuer's own.
        if self.foreign and (self.ours or len(self.foreign) > 1):
            kids = listed(key.get("kid") for key in self.foreign)
            self.warnings.append(
                f"With {self.where(self.jwks_key)}, this removes published keys that the run was not given: {kids}."
            )


def _given_keys(text: str | None) -> list[jwk.Jwk]:
    try:
        return jwk.parse_jwks(text) if text else []
    except Fault:
        return []
