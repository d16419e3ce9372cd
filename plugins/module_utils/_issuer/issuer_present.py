# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring an issuer to its desired state: bucket, documents and provider, and the key if this process can manage it."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_address
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.bucket_issuer import BucketIssuer
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.external_issuer import ExternalIssuer
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_run import (
    IssuerRun,
    LostKey,
    Values,
    usable_issuer,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec, SigningKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_issuer_rules import (
    check_bucket_of_issuer,
    check_host_of_issuer,
)


class KeyResult(t.Protocol):
    """Reads the key, or with ``create`` creates it if it is missing. Returns the result of module irsa_keypair.

    Raises IrsaError.
    """

    def __call__(self, create: bool) -> Values: ...


def ensure_present(aws: Aws, spec: IssuerSpec, check_mode: bool) -> Outcome[ApiCall]:
    """Bring bucket, documents and provider to their desired state.

    Needs the clients s3, iam, sts and (at AWS) s3control.

    Problems stop the run before the first write, as far as they can be detected. Without a key, the run creates or
    repairs only the bucket. The outcome then has ``key_wanted`` true, ``key_is_lost`` says why a new key must not be
    created, and ``prepared`` is the input for the next run, which has the key. With a key, or if the issuer has none of
    its own, ``issuer`` is the summary of the whole run. Raises IrsaError.
    """
    if spec.prepared and not spec.has_keys and not check_mode:
        # Placeholder documents are for check mode only.
        raise IrsaError("The key has not been created, so there is nothing to publish. Create it, and run again.")
    _check_url(aws, spec)
    ledger = Ledger(check_mode)
    with ledger.reported_on_failure():
        run = _new_run(aws, spec, ledger)
        values = _carried_out(run)
        run.settle()
    return Outcome(changes=ledger.changes, values=values, warnings=ledger.warnings, permissions=sorted(aws.permissions))


def ensure_with_key(aws: Aws, spec: IssuerSpec, check_mode: bool, *, key_result: KeyResult) -> Values:
    """Run the whole sequence, including the key. Return the result of module irsa_issuer. Raises IrsaError."""
    _check_url(aws, spec)
    ledger = Ledger(check_mode)
    with ledger.reported_on_failure():
        values = _run_with_key(aws, spec, ledger, key_result=key_result)
    return {
        **values,
        "changed": ledger.changed,
        "actions": ledger.actions,
        "diff": ledger.diff,
        "permissions": sorted(aws.permissions),
        "warnings": ledger.warnings,
    }


def _run_with_key(aws: Aws, spec: IssuerSpec, ledger: Ledger, *, key_result: KeyResult) -> Values:
    with ledger.recorded_if_failed():
        found = key_result(create=False)
    if found["exists"]:
        ledger.record_result(found)
        return _carried_out(_new_run(aws, dataclasses.replace(spec, key=_recorded_key(found)), ledger))
    first = _new_run(aws, spec, ledger)
    before = _carried_out(first)
    lost = before["key_is_lost"]
    # If an issuer depends on a lost key, no key is created, but one from a simultaneous run is adopted.
    with ledger.recorded_if_failed():
        created = key_result(create=lost is None)
    if lost and not created["exists"]:
        raise IrsaError(f"The key file {created['path']} does not exist on localhost, and {lost}")
    ledger.record_result(created)
    # The ledger already contains the actions and permissions of the first part. Nothing is prepared if the key was
    # lost: then the first part has repaired nothing, so the second one handles the bucket, too.
    prepared = {**before["prepared"], "actions": [], "permissions": []} if before["prepared"] else {}
    second = dataclasses.replace(spec, key=_recorded_key(created), prepared=prepared)
    return _carried_out(_new_run(aws, second, ledger, after=first if prepared else None))


def _recorded_key(result: Values) -> SigningKey:
    """Return the key in a result whose actions the ledger has already."""
    return dataclasses.replace(SigningKey.of(result), actions=())


def _new_run(aws: Aws, spec: IssuerSpec, ledger: Ledger, *, after: IssuerRun | None = None) -> IssuerRun:
    """Return a run; ``after`` is the one without a key that came before it in this process."""
    if not spec.bucket:
        return ExternalIssuer(aws, spec, ledger)
    bucket = after.bucket if isinstance(after, BucketIssuer) else None
    return BucketIssuer(aws, spec, ledger, name=spec.bucket, bucket=bucket)


def _check_url(aws: Aws, spec: IssuerSpec) -> None:
    """Raise IrsaError for an issuer that AWS could not read, without a call and before the key is touched."""
    if not spec.url:
        return
    try:
        usable_issuer(aws, spec.url)
        if spec.bucket and parse_s3_address(spec.url):
            check_bucket_of_issuer(spec.url, spec.bucket, spec.prefix)
            region = spec.region or endpoint_of(aws.client("s3")).region
            check_host_of_issuer(spec.url, spec.bucket, region)
    except IrsaError as refused:
        raise IrsaError(f"url (irsa_issuer_url): {refused} Nothing was changed.") from None


def _carried_out(run: IssuerRun) -> Values:
    if run.spec.has_keys or run.spec.prepared:
        return {"key_wanted": False, "key_is_lost": None, "prepared": None, "issuer": run.run_with_key()}
    lost, prepared = run.run_without_key()
    ledger = run.ledger
    done = {"changed": ledger.changed, "actions": ledger.actions, "permissions": sorted(run.aws.permissions)}
    return {
        "key_wanted": True,
        "key_is_lost": _lost_key_message(run, lost) if lost else None,
        "prepared": None if lost else {**prepared, **done},
        "issuer": None,
    }


def _lost_key_message(run: IssuerRun, lost: LostKey) -> str:
    published = f", and the keys {listed(lost.kids)} are published" if lost.kids else ""
    return (
        f"the issuer {run.url} is in use: {lost.provider_arn} is registered{published}. A new key would break every "
        "pod once the API server signs with it. Restore the key file from where it was (a backup, the volume of an "
        "execution environment, /etc/kubernetes/pki of a control-plane node). If the key is really lost, create a new "
        "one with selfhosted.irsa.irsa_keypair at that path and run again; the published keys stay until "
        "irsa_issuer_purge_keys is set."
    )
