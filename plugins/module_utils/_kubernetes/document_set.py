# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents and their objects in a cluster: apply those that are desired, remove those that are not."""

from __future__ import annotations

import hashlib
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import ownership
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import (
    ClusterChange,
    ClusterResource,
    applied,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import (
    Document,
    path_of,
    required_by,
    title_of,
)

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

# What the API server adds to every object, and changes by itself.
_BOOKKEEPING = frozenset(("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"))


class Documents(ClusterResource):
    """The documents that are ``desired`` in a cluster, and the ``superfluous`` ones, of which only ours are removed."""

    def __init__(
        self, api: ApiServer, *, desired: t.Sequence[Document] = (), superfluous: t.Sequence[Document] = ()
    ) -> None:
        super().__init__(api)
        self._desired = desired
        self._superfluous = superfluous

    def plan(self) -> list[ClusterChange]:
        """List the changes. Each document is applied in a dry run, so what the API server refuses is known before."""
        changes = [*map(self._removal, self._superfluous), *map(self._application, self._desired)]
        return [change for change in changes if change is not None]

    def _application(self, document: Document) -> ClusterChange | None:
        path = path_of(document)
        present = self._api.find(path)
        if present is not None and not ownership.is_ours(present):
            raise IrsaError(
                f"There is a {title_of(document)} that this role did not create: it lacks the label "
                f"{ownership.MANAGED_BY_LABEL}={ownership.MANAGED_BY}. Remove it, or add the label to let the role "
                "overwrite it. Nothing was changed."
            )
        before, after = _shown(present), _shown(self._tried(document, present))
        if before == after:
            return None
        return ClusterChange(
            verb="apply", target=title_of(document), part="object", path=path, body=document, before=before, after=after
        )

    def _tried(self, document: Document, present: t.Any) -> t.Any:
        """Return what an object would become. What needs something that does not exist yet is not tried."""
        needed = required_by(document) if present is None else None
        if needed is not None and self._api.find(path_of(needed)) is None:
            return document
        return applied(self._api, path_of(document), document, dry_run=True)

    def _removal(self, document: Document) -> ClusterChange | None:
        path = path_of(document)
        present = self._api.find(path)
        if present is None:
            return None
        if not ownership.is_ours(present):
            self.warnings.append(
                f"{title_of(document)} is kept, since this role did not create it: it lacks the label "
                f"{ownership.MANAGED_BY_LABEL}={ownership.MANAGED_BY}."
            )
            return None
        return ClusterChange(verb="delete", target=title_of(document), part="object", path=path, before=_shown(present))


def _shown(present: t.Mapping[str, t.Any] | None) -> t.Any:
    """Return an object without what the API server keeps in it for itself, and with no value of a Secret."""
    if present is None:
        return None
    metadata = {name: value for name, value in present["metadata"].items() if name not in _BOOKKEEPING}
    shown = {**{name: value for name, value in present.items() if name != "status"}, "metadata": metadata}
    if present.get("kind") == "Secret":
        shown["data"] = _fingerprints(present.get("data"))
        # kubectl apply keeps all that it was given in an annotation, keys and all.
        metadata.update({"annotations": _fingerprints(metadata["annotations"])} if "annotations" in metadata else {})
    return shown


def _fingerprints(values: t.Mapping[str, str] | None) -> dict[str, str]:
    return {name: _fingerprint(value) for name, value in (values or {}).items()}


def _fingerprint(value: str) -> str:
    """Return what tells two values of a Secret apart and cannot be turned back: they are keys, too long to guess."""
    return "hidden, SHA-256 " + hashlib.sha256(value.encode()).hexdigest()[:16]
