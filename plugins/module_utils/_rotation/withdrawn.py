# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that rotations see to, which a run that publishes an issuer must neither bring back nor remove.

API servers accept a key, and serve it in their own JWKS, for a day and longer after it has left the published one; and
a new key is published before any of them has it.
"""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import rotation_record
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_present import PresentDocuments


class KeysWithdrawn(IrsaError):
    """A run would publish keys again that a rotation has withdrawn.

    :ivar kids: their key IDs
    :ivar keys: the same for people, with times
    """

    def __init__(self, withdrawn: dict[str, float], where: str) -> None:
        self.kids = {*withdrawn}
        self.keys = listed(f"{kid} ({moment(at)})" for kid, at in withdrawn.items())
        super().__init__(
            f"A rotation has withdrawn keys from {where} that this run would publish again: {self.keys}. Give this run "
            "the key that the API servers sign with now. If they really sign with a withdrawn one, publish it with "
            "module irsa_rotation_state first."
        )


class IssuerDocuments(PresentDocuments):
    """The documents of an issuer as a resource, without keys that a rotation has withdrawn."""

    def plan(self) -> list[ApiCall]:
        """Raises KeysWithdrawn, also if a rotation withdraws a key while this run writes."""
        changes = super().plan()
        withdrawn = self._withdrawn()
        if withdrawn:
            raise KeysWithdrawn(withdrawn, self.where(self.jwks_key))
        return changes

    def not_purged(self, foreign: list[jwk.Jwk]) -> list[jwk.Jwk]:
        """Return the keys that the record has as published: they are for the playbook rotate to withdraw."""
        record = self._record() if foreign else None
        if record is None:
            return []
        return [key for key in foreign if record.published_since(str(key.get("kid"))) is not None]

    def warn_kept(self) -> None:
        if not self.spec.purge_keys:
            super().warn_kept()
        elif self.foreign:
            self.warnings.append(
                f"The JWKS keeps keys that a rotation has published or found there: "
                f"{listed(key.get('kid') for key in self.foreign)}. To withdraw one, run playbook "
                "selfhosted.irsa.rotate with irsa_rotate_revoke_kid, and irsa_rotate_phase: retire-published."
            )

    def _withdrawn(self) -> dict[str, float]:
        """Return which of the keys to publish were withdrawn, and when.

        Only keys that would join published ones are looked up: most runs have none, and read nothing for this.
        """
        present = {key.get("kid") for key in self.current_keys}
        joining = [str(key["kid"]) for key in self.ours or [] if key.get("kid") and key["kid"] not in present]
        record = self._record() if present and joining else None
        if record is None:
            return {}
        found = {kid: record.withdrawn_at(kid) for kid in joining}
        return {kid: at for kid, at in found.items() if at is not None}

    def _record(self) -> Record | None:
        """Return what rotations remember; None if there was none. Raises IrsaError."""
        key = rotation_record.key_of(self.spec.prefix)
        stored = self.store.read(key)
        if stored is None or not rotation_record.is_record(stored.content):
            return None
        try:
            return Record.parse(stored.text)
        except Fault as fault:
            raise IrsaError(
                f"{self.where(key)} says which keys a rotation has published and withdrawn, and cannot be used: "
                f"{fault}. Nothing was changed. Restore an earlier version of it, or delete it."
            ) from None
