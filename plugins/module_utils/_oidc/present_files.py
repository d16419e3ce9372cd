# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documents that a directory holds already: nothing of others is replaced without a word."""

from __future__ import annotations

import os
import typing as t
from urllib.parse import unquote

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import not_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents, issuer_url, published_keys

_HINT = "Choose another directory; or, if nothing depends on them any more, set overwrite."


class PresentFiles(t.NamedTuple):
    """The documents under a directory that a web server serves as an issuer, before they are replaced."""

    dest: str
    issuer: str
    jwks_url: str

    def check_replaceable(self, keys: t.Sequence[jwk.Jwk]) -> None:
        """Raise IrsaError if the files are those of others, or publish a key that is not among these."""
        published = self._keys_in(self._path(issuer_url.JWKS_PATH)) + self._keys_elsewhere()
        lost = published_keys.foreign_keys(keys, published)
        reused = published_keys.reused_kids(keys, published)
        if reused:
            raise IrsaError(
                f"dest: {files.shown(self.dest)} would get a different key under a published kid: {listed(reused)}. "
                "Give the new key another kid; or, if no token is signed with the published one any more, set "
                "overwrite."
            )
        if lost:
            kids = listed(key.get("kid") for key in lost)
            raise IrsaError(
                f"dest: {files.shown(self.dest)} publishes keys that were not given: {kids}. AWS would refuse every "
                "token that is signed with them. Give them in jwks to keep them; or set overwrite."
            )

    def _path(self, name: str) -> str:
        return os.path.join(self.dest, name)

    def _keys_in(self, path: str) -> list[jwk.Jwk]:
        content = files.read(path)
        if content is None:
            return []
        try:
            return jwk.parse_jwks(content)
        except Fault as fault:
            raise IrsaError(f"dest: {files.shown(path)} is not a JWKS of this issuer: {fault}. {_HINT}") from None

    def _keys_elsewhere(self) -> list[jwk.Jwk]:
        """Return the keys that relying parties read now, if the discovery document names another file than ours."""
        url = self._present_jwks_url()
        start = f"{self.issuer}/"
        if url in (None, self.jwks_url, f"{start}{issuer_url.JWKS_PATH}"):
            return []
        name = unquote(str(url).removeprefix(start))
        if not str(url).startswith(start) or not issuer_url.is_plain_path(name):
            raise IrsaError(
                f"dest: the discovery document in {files.shown(self.dest)} names {quoted(url)} as the JWKS, which is "
                "not in this directory. The keys published there would no longer be found. Give them in jwks, and set "
                "overwrite."
            )
        return self._keys_in(self._path(name))

    def _present_jwks_url(self) -> str | None:
        path = self._path(issuer_url.DISCOVERY_PATH)
        content = files.read(path)
        if content is None:
            return None
        document = documents.object_in(content)
        if document is None:
            raise IrsaError(f"dest: {files.shown(path)} {not_json(content)}. It may belong to something else. {_HINT}")
        if document.get("issuer") != self.issuer:
            raise IrsaError(
                f"dest: {files.shown(path)} is the discovery document of another issuer: it names "
                f"{quoted(document.get('issuer'))}, not {quoted(self.issuer)}. {_HINT}"
            )
        return documents.jwks_url_in(document, self.issuer)
