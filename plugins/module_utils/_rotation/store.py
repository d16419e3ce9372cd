# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the store holds of a rotation: the published keys, and beside them the record of what must be remembered.

The JWKS is written before the record, each on the condition that no one else has written it meanwhile; else it is read
again and merged. So a run that is killed in between leaves a key that the record does not know, and counts it as
published at the time of the JWKS, which is never too early.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.aws_resource import AwsResource
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome, planned, reconcile
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.forgetting import pruned
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.publication import RotatedDocuments, StateSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Event, Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.written import events_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import rotation_record
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_store import Stored


def ensure_state(aws: Aws, spec: StateSpec, check_mode: bool) -> Outcome[ApiCall]:
    """Publish and withdraw keys, and remember since when; with nothing to do, only read. Needs the clients s3 and sts.

    The outcome's values are ``published``, ``jwks_json``, ``algorithms``, ``modified``, ``max_age``, ``now``,
    ``record`` and ``account_id``. Raises IrsaError.
    """
    documents = RotatedDocuments(aws, spec)
    remembered = RecordObject(documents, spec)
    ledger = Ledger(check_mode)
    with ledger.reported_on_failure():
        documents.start()
        remembered.start()
        # All is read before the first write, so that what is wrong with the record stops the run.
        documents_plan = planned(documents)
        record_plan = planned(remembered)
        made = reconcile(documents, aws, ledger, plan=documents_plan)
        reconcile(remembered, aws, ledger, plan=None if made and not check_mode else record_plan)
    values = {**documents.state, **remembered.values()}
    return Outcome(changes=ledger.changes, values=values, warnings=ledger.warnings, permissions=sorted(aws.permissions))


class RecordObject(AwsResource):
    """The record as a resource, whose desired state is what is stored and what this run adds."""

    def __init__(self, documents: RotatedDocuments, spec: StateSpec) -> None:
        super().__init__(documents.aws)
        self.documents = documents
        self.spec = spec
        self.store = documents.store
        self.key = rotation_record.key_of(spec.prefix)
        self.where = documents.where(self.key)
        self._text: str | None = None

    def start(self) -> None:
        """Start reading it, in parallel with other reads. Raises CallFailed if there is no client."""
        self.store.start(self.key)

    def plan(self) -> list[ApiCall]:
        self.warnings.clear()
        stored = self.store.read(self.key)
        before = self._parsed(stored)
        self._refuse_other_runs(before)
        after = before.after(self._events(before))
        self._text = stored.text if stored else None
        if after == before:
            return []
        self._refuse_readers(stored)
        after = pruned(after, self.spec.forget, self.documents.now)
        self._text = after.text
        cache_control = rotation_record.CACHE_CONTROL
        return [self.store.write(self.key, stored, text=after.text, cache_control=cache_control)]

    def after_write(self, change: ApiCall, answer: t.Mapping[str, t.Any]) -> None:
        self._text = change.params["Body"].decode()

    def values(self, changes: t.Sequence[ApiCall] = ()) -> dict[str, t.Any]:
        return {"record": self._text}

    def _parsed(self, stored: Stored | None) -> Record:
        try:
            if stored is not None and stored.text is None:
                raise Fault("it is not text")
            return Record.parse(stored.text if stored else None)
        except Fault as fault:
            raise IrsaError(
                f"{self.where}, in which rotations remember since when keys are published, cannot be used: {fault}. "
                "Nothing was changed. Restore an earlier version of it; or delete it, and all waiting starts again "
                "from when the JWKS was written last."
            ) from None

    def _refuse_other_runs(self, before: Record) -> None:
        """Raise IrsaError if this run is about to begin, and another one has begun since that was decided.

        The record is written on the condition that it is still what was read, so that one of two runs gets here.
        """
        if not any(event.get("kind") == record.BEGAN for event in self.spec.events):
            return
        for run, _last in before.open_runs():
            if run.by not in (self.spec.by, *self.spec.known_runs):
                raise IrsaError(
                    f"{quoted(run.by)} began at {moment(run.at)} to rotate the same keys, as {self.where} says, just "
                    "before this run could begin. It did not begin. Run the playbook again when that run has ended."
                )

    def _refuse_readers(self, stored: Stored | None) -> None:
        """Raise IrsaError if everyone may read the record: it says who rotates keys, when, and on which servers."""
        openings = rotation_record.openings_of(self.aws, self.store.id_params, self.key)
        if openings is None and stored is None:
            self.warnings.append(
                f"The policy of the bucket {self.spec.bucket} cannot be read, so it is not certain that {self.where} "
                "is private. It says who rotates keys, and on which servers. Make sure that no one else can read it."
            )
        if openings:
            raise IrsaError(
                f"Everyone could read {self.where}, which says who rotates keys, and on which servers: the policy of "
                f"the bucket has {'; '.join(openings)}. Nothing was changed. Name the exact documents there, as role "
                "irsa_issuer does (irsa_issuer_bucket_public_paths)."
            )

    # --- what this run adds

    def _events(self, before: Record) -> list[Event]:
        spec, documents = self.spec, self.documents
        if not (spec.publish or spec.withdraw or spec.events):
            return []
        gone = documents.modified if documents.modified is not None else documents.now
        try:
            return events_of(
                before,
                spec.events,
                # The keys of others, such as another cluster's, are no part of the rotation, and must not seem to be.
                published={kid: documents.since.get(kid, documents.now) for kid in documents.kids},
                withdrawn={kid: documents.left.get(kid, gone) for kid in spec.withdraw},
                by=spec.by,
                now=documents.now,
            )
        except Fault as fault:
            raise IrsaError(f"events: {fault}.") from None
