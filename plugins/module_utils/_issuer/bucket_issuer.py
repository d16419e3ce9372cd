# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An issuer whose documents are in a bucket, which this collection manages or only publishes into."""

from __future__ import annotations

import dataclasses

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import planned, settle
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_run import IssuerRun, LostKey, Values
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.withdrawn import IssuerDocuments, KeysWithdrawn
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import Bucket
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_present import PresentBucket, creates_bucket
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_present import PresentDocuments


class BucketIssuer(IssuerRun):
    """A run for an issuer with a bucket."""

    def __init__(self, aws: Aws, spec: IssuerSpec, ledger: Ledger, *, name: str, bucket: Bucket | None = None) -> None:
        """``name`` is the bucket's; ``bucket`` is it as the run without a key has left it, if this process made that.

        Raises IrsaError for a spec that cannot be applied.
        """
        self.documents: PresentDocuments | None = None
        bucket_spec = spec.bucket_spec(name, spec.public_paths)
        # A bucket that others manage, or that the run without a key has already handled, is only read.
        self.bucket = bucket or (
            Bucket(aws, bucket_spec)
            if spec.prepared or not spec.manage_bucket
            else PresentBucket(aws, bucket_spec, once_found=self._start_documents)
        )
        url = spec.url or f"https://{self.bucket.values()['host']}{spec.slash_prefix}"
        super().__init__(aws, spec, ledger, url=url, bucket_account_id=self.bucket.account_id)

    def run_without_key(self) -> tuple[LostKey | None, Values]:
        self.documents = self._documents({})
        provider = self.provider_resource()
        bucket_plan = self._plan_bucket()
        is_new = creates_bucket(bucket_plan)
        # Without published keys the provider accepts nothing, so a new key breaks nothing. If a host other than the
        # bucket's own serves the documents, their content is unknown here, so the provider alone decides. A bucket
        # that does not exist serves nothing.
        looks_at_provider = self.spec.served_elsewhere or not is_new
        if looks_at_provider:
            provider.start()
        if is_new:
            self.documents.assume_absent()
        planned(self.documents)
        kids = [key.get("kid") for key in self.documents.current_keys]
        current = provider.read() if looks_at_provider else None
        if current is not None and (self.spec.served_elsewhere or kids):
            return LostKey(provider_arn=current["arn"], kids=kids), {}
        if isinstance(self.bucket, PresentBucket):
            self.carry_out(self.bucket, bucket_plan)
        return None, {
            "account_id": self.bucket.account_id,
            "created": is_new,
            # What was absent is not read again: if a write conflicts with another process, it is planned again.
            "without_documents": not any(self.documents.etags.values()),
            "unregistered": looks_at_provider and current is None,
        }

    def run_with_key(self) -> Values:
        self.documents = self._documents(self.document_texts())
        provider_plan = self.start_provider()
        bucket_plan = self._plan_bucket()
        if creates_bucket(bucket_plan) or self.spec.prepared.get("without_documents"):
            self.documents.assume_absent()
        documents_plan = self._plan_documents(self.documents)
        self.plan_provider(provider_plan)

        if isinstance(self.bucket, PresentBucket):
            self.carry_out(self.bucket, bucket_plan)
        published = self.carry_out(self.documents, documents_plan).values
        provider = self.register(provider_plan)
        self.settle()
        return self.finish(published, provider)

    def settle(self) -> None:
        if isinstance(self.bucket, PresentBucket):
            settle(self.bucket, self.aws, self.ledger)

    def _documents(self, texts: Values) -> PresentDocuments:
        bucket = self.bucket
        spec = self.spec.publication_spec(
            bucket.spec.name, url=self.url, account_id=bucket.account_id, region=bucket.region, texts=texts
        )
        return IssuerDocuments(self.aws, spec)

    def _plan_documents(self, documents: PresentDocuments) -> list[ApiCall]:
        """Return the plan of the documents, without those keys of the cluster that a rotation has withdrawn.

        Raises IrsaError, also if nothing else would be left, or if the run was given such a key.
        """
        try:
            return planned(documents)
        except KeysWithdrawn as found:
            of_cluster = (self.spec.cluster_jwks or {}).get("keys", [])
            rest = [key for key in of_cluster if key.get("kid") not in found.kids]
            if rest == of_cluster or not rest:
                raise
            self.spec = dataclasses.replace(self.spec, cluster_jwks={"keys": rest})
            text = (
                f"The API servers still accept keys that a rotation has withdrawn: {found.keys}. They are not "
                "published again. If an API server signs with one of them, publish it with module irsa_rotation_state."
            )
        self.ledger.warn([text])
        self.documents = self._documents(self.document_texts())
        return planned(self.documents)

    def _start_documents(self) -> None:
        if self.documents is not None:
            self.documents.start()

    def _plan_bucket(self) -> list[ApiCall]:
        """Return the changes that the bucket needs; none for a bucket that is only read.

        Raises IrsaError if such a bucket is missing.
        """
        if self.spec.prepared:
            return []
        self.bucket.start()
        if isinstance(self.bucket, PresentBucket):
            return planned(self.bucket)
        if not self.bucket.exists():
            raise self.bucket.missing()
        return []
