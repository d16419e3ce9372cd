# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove an issuer in the safe order.

Anyone can take the name of a deleted bucket, so by then nothing may trust it any more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import (
    Outcome,
    Resource,
    planned,
    reconcile,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_absent import AbsentProvider
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_base import ProviderSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set, issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.documents import SourcedKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_absent import AbsentBucket
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import Bucket
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_absent import AbsentDocuments

Planned = tuple[Resource[ApiCall], "list[ApiCall] | None"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _InBucket:
    """What is removed from a bucket, or with it. ``removal`` are the changes to the documents alone; ``kept`` is what
    stays, as people call it.
    """

    exists: bool
    documents: AbsentDocuments
    removal: t.Sequence[ApiCall]
    plans: list[Planned]
    kept: t.Sequence[str]

    @property
    def is_found(self) -> bool:
        return bool(self.removal or self.documents.unproven or any(plan for _resource, plan in self.plans))

    def documents_after(self, changes: t.Iterable[ApiCall]) -> list[dict[str, t.Any]]:
        """Return the documents as results have them."""
        of_objects = [change for change in changes if "Key" in change.params]
        # Without their ETags, since in check mode the objects still have them.
        return [
            {name: value for name, value in document.items() if name != "etag"}
            for document in self.documents.values(of_objects)["documents"]
        ]


def ensure_absent(aws: Aws, spec: IssuerSpec, check_mode: bool) -> Outcome[ApiCall]:
    """Remove the provider, then the documents or, with ``spec.delete_bucket``, the bucket with them.

    Everything is read and planned first: objects or documents of others, and roles that still trust the provider, stop
    the run before anything is removed. The outcome's ``issuer`` is the summary of the run. Raises IrsaError.
    """
    bucket = Bucket(aws, spec.bucket_spec(spec.bucket, spec.own_paths)) if spec.bucket else None
    exists = bucket is not None and bucket.exists()  # raises if it belongs to others
    url = spec.url or f"https://{bucket.values()['host'] if bucket else ''}{spec.slash_prefix}"
    issuer_url.parse_registered(url)
    in_bucket = _plan_bucket(aws, spec, url, bucket=bucket, exists=exists) if bucket else None
    provider_spec = ProviderSpec(
        url=url,
        account_id=spec.provider_account(bucket.account_id if bucket else None),
        ignore_role_trust=spec.ignore_role_trust,
    )
    provider = AbsentProvider(aws, provider_spec)
    provider_plan = planned(provider)
    plans: list[Planned] = [(provider, provider_plan), *(in_bucket.plans if in_bucket else [])]
    ledger = Ledger(check_mode)
    with ledger.reported_on_failure():
        for resource, plan in plans:
            reconcile(resource, aws, ledger, plan=plan)
    if not provider_plan and not (in_bucket and in_bucket.is_found):
        ledger.warn([_nothing_found(provider.arn, url, in_bucket)])
    summary = {
        "issuer": url,
        "provider_arn": provider.arn,
        "bucket": spec.bucket,
        "documents": in_bucket.documents_after(ledger.changes) if in_bucket else [],
        "kept": list(in_bucket.kept) if in_bucket else [],
        "actions": ledger.actions,
        "permissions": sorted(aws.permissions),
        "changed": ledger.changed,
    }
    values = {"key_wanted": False, "key_is_lost": None, "prepared": None, "issuer": summary}
    return Outcome(changes=ledger.changes, values=values, warnings=ledger.warnings, permissions=sorted(aws.permissions))


def _nothing_found(arn: str, url: str, in_bucket: _InBucket | None) -> str:
    looked_for = [f"no provider {arn}"]
    documents = in_bucket.documents if in_bucket else None
    if in_bucket and documents and in_bucket.exists:
        keys = " and ".join(documents.where(key) for key in (documents.discovery_key, documents.jwks_key))
        looked_for.append(f"no documents ({keys})")
    elif documents:
        looked_for.append(f"no bucket {documents.spec.bucket}")
    return (
        f"Nothing of the issuer {url} was found: {', and '.join(looked_for)}. If you expected to remove "
        "something, check irsa_issuer_bucket, irsa_issuer_prefix, irsa_issuer_region, irsa_issuer_url and "
        "irsa_issuer_account_id."
    )


def _plan_bucket(aws: Aws, spec: IssuerSpec, url: str, *, bucket: Bucket, exists: bool) -> _InBucket:
    """Plan what is removed from the bucket, or with it. The documents in it are read in both cases."""
    documents = AbsentDocuments(
        aws,
        spec.publication_spec(
            bucket.spec.name, url=url, account_id=bucket.account_id, texts={"jwks_json": _keys_at_hand(spec, url)}
        ),
    )
    removal = planned(documents)
    if not spec.delete_bucket:
        # Without a condition, a removal is planned again right before it, when the provider is gone.
        plans: list[Planned] = [(documents, removal if documents.store.deletes_conditionally else None)]
        kept = [f"bucket {bucket.spec.name}"] if exists else []
        kept += [documents.where(documents.unproven)] if documents.unproven else []
        return _InBucket(exists=exists, documents=documents, removal=removal, plans=plans, kept=kept)
    if documents.unproven:
        raise IrsaError(
            f"The bucket {bucket.spec.name} cannot be deleted. {' '.join(documents.warnings)} Nothing was deleted.",
            foreign_objects=[documents.unproven],
        )
    absent = AbsentBucket(aws, bucket.spec)
    return _InBucket(exists=exists, documents=documents, removal=removal, plans=[(absent, planned(absent))], kept=[])


def _keys_at_hand(spec: IssuerSpec, url: str) -> str | None:
    """Return the JWKS of the keys that this issuer publishes, as far as they can be read; they prove what is ours."""
    sourced: list[SourcedKey] = []
    with contextlib.suppress(IrsaError):
        sourced.extend(spec.sourced_keys())
    try:
        texts = document_set.texts(url, sourced) if sourced else {}
    except IrsaError:
        return None
    return texts.get("jwks_json")
