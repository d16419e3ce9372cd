# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes to a cluster as changes of the reconcile loop."""

from __future__ import annotations

import abc
import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import WriteFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Change
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import ownership
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

# https://kubernetes.io/docs/reference/using-api/server-side-apply/
_APPLY = "application/apply-patch+yaml"
_OWNER = {"fieldManager": ownership.FIELD_MANAGER}
_DRY_RUN = {"dryRun": "All"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterChange(Change):
    """A write to one object, whose kind and name are the ``target``; ``verb`` is apply, label or delete."""

    verb: str
    path: str
    body: t.Any = None

    @property
    def action(self) -> str:
        return f"k8s:{self.verb} {self.target}"


class ClusterWriteFailed(WriteFailed):
    """A write that an API server did not fulfil."""

    def __init__(self, failure: RequestFailed) -> None:
        super().__init__(str(failure))
        self.in_doubt = failure.status is None or failure.status >= 500
        self._status = failure.status

    @property
    def conflict(self) -> bool:
        return self._status == 409


class ClusterResource(abc.ABC):
    """What all resources of a cluster have in common: a change is made as it was planned."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self.warnings: list[str] = []

    @abc.abstractmethod
    def plan(self) -> list[ClusterChange]:
        """Read the cluster, and list the changes. Raises IrsaError."""

    def before_write(self, change: ClusterChange) -> ClusterChange | None:
        return change

    def after_write(self, change: ClusterChange, answer: t.Mapping[str, t.Any]) -> None:  # noqa: B027  # most need none
        """Do nothing: a result has no values of the objects."""

    def recheck(self, made: t.Sequence[ClusterChange]) -> list[ClusterChange]:
        return []

    def overwritten(self) -> list[ClusterChange]:
        return []

    def outcome(self, changes: list[ClusterChange]) -> Outcome[ClusterChange]:
        return Outcome(changes=changes, warnings=self.warnings)


class ClusterWriter:
    """Makes changes at an API server."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    def preview(self, change: ClusterChange) -> None:
        """Do nothing: a plan has been tried by dry runs."""

    def before_writes(self) -> None:
        """Do nothing: no answers are kept."""

    def write(self, change: ClusterChange) -> t.Mapping[str, t.Any] | None:
        """Make a change; None if the object of a label or a deletion is gone. Raises ClusterWriteFailed."""
        try:
            if change.verb == "apply":
                return applied(self._api, change.path, change.body)
            if change.verb == "delete":
                gone: dict[str, t.Any] = self._api.delete(change.path)
                return gone
            return labelled(self._api, change.path, change.body)
        except RequestFailed as failure:
            if failure.status == 404 and change.verb != "apply":
                return None
            raise ClusterWriteFailed(failure) from None


def applied(api: ApiServer, path: str, document: t.Any, *, dry_run: bool = False) -> dict[str, t.Any]:
    """Apply a document, and return the object. Fields that others have set in it are taken over."""
    query = {**_OWNER, "force": "true", **(_DRY_RUN if dry_run else {})}
    answer: dict[str, t.Any] = api.patch(path, document, query, media_type=_APPLY)
    return answer


def labelled(api: ApiServer, path: str, labels: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Add labels to an object, and return it.

    A merge patch and not an apply: whatever is applied to a service account under our name, such as its annotation,
    would have to contain the label, too, or would remove it.
    """
    answer: dict[str, t.Any] = api.patch(path, {"metadata": {"labels": dict(labels)}}, _OWNER)
    return answer
