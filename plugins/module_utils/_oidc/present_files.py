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


class OptionNames(t.NamedTuple):
    """The names that the user knows: of the directory, of what gives further keys, and of what allows their removal
    and that of documents of others.
    """

    dest: str
    keys: str
    purge_keys: str
    overwrite: str


class PresentFiles(t.NamedTuple):
    """The documents under a directory that a web server serves as an issuer, before they are replaced."""

    dest: str
    issuer: str
    jwks_url: str
    names: OptionNames

    def check_replaceable(self, keys: t.Sequence[jwk.Jwk], *, purge_keys: bool = False) -> None:
        """Raise IrsaError if the files are those of others or, without ``purge_keys``, publish a key that is not among
        these.
        """
        published = self._keys_in(self._path(issuer_url.JWKS_PATH)) + self._keys_elsewhere()
        if purge_keys:
            return
        lost = published_keys.foreign_keys(keys, published)
        reused = published_keys.reused_kids(keys, published)
        if reused:
            raise IrsaError(
                f"{self.names.dest}: {files.shown(self.dest)} would get a different key under a published kid: "
                f"{listed(reused)}. Give the new key another kid; or, if no token is signed with the published one any "
                f"more, set {self.names.purge_keys}."
            )
        if lost:
            kids = listed(key.get("kid") for key in lost)
            raise IrsaError(
                f"{self.names.dest}: {files.shown(self.dest)} publishes keys that were not given: {kids}. AWS would "
                f"refuse every token that is signed with them. Give them in {self.names.keys} to keep them; or set "
                f"{self.names.purge_keys}."
            )

    @property
    def _hint(self) -> str:
        return f"Choose another directory; or, if nothing depends on them any more, set {self.names.overwrite}."

    def _path(self, name: str) -> str:
        return os.path.join(self.dest, name)

    def _keys_in(self, path: str) -> list[jwk.Jwk]:
        content = files.read(path)
        if content is None:
            return []
        try:
            return jwk.parse_jwks(content)
        except Fault as fault:
            raise IrsaError(
                f"{self.names.dest}: {files.shown(path)} is not a JWKS of this issuer: {fault}. {self._hint}"
            ) from None

    def _keys_elsewhere(self) -> list[jwk.Jwk]:
        """Return the keys that relying parties read now, if the discovery document names another file than ours."""
        url = self._present_jwks_url()
        start = f"{self.issuer}/"
        if url in (None, self.jwks_url, f"{start}{issuer_url.JWKS_PATH}"):
            return []
        name = unquote(str(url).removeprefix(start))
        if not str(url).startswith(start) or not issuer_url.is_plain_path(name):
            raise IrsaError(
                f"{self.names.dest}: the discovery document in {files.shown(self.dest)} names {quoted(url)} as the "
                "JWKS, which is not in this directory. The keys published there would no longer be found. Give them in "
                f"{self.names.keys}, and set {self.names.overwrite}."
            )
        return self._keys_in(self._path(name))

    def _present_jwks_url(self) -> str | None:
        path = self._path(issuer_url.DISCOVERY_PATH)
        content = files.read(path)
        if content is None:
            return None
        document = documents.object_in(content)
        if document is None:
            raise IrsaError(
                f"{self.names.dest}: {files.shown(path)} {not_json(content)}. It may belong to something else. "
                f"{self._hint}"
            )
        if document.get("issuer") != self.issuer:
            raise IrsaError(
                f"{self.names.dest}: {files.shown(path)} is the discovery document of another issuer: it names "
                f"{quoted(document.get('issuer'))}, not {quoted(self.issuer)}. {self._hint}"
            )
        return documents.jwks_url_in(document, self.issuer)
