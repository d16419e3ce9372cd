# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An issuer whose documents are served by other means: its provider is registered, and its documents can be files."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.files import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_run import IssuerRun, LostKey, Values
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.local_files import LocalDocuments
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DISCOVERY_PATH, JWKS_PATH


class ExternalIssuer(IssuerRun):
    """A run for an issuer without a bucket."""

    def __init__(self, aws: Aws, spec: IssuerSpec, ledger: Ledger) -> None:
        super().__init__(aws, spec, ledger, url=spec.url or "", bucket_account_id=None)
        self.files = LocalDocuments(spec, self.issuer)

    def run_without_key(self) -> tuple[LostKey | None, Values]:
        provider = self.provider_resource()
        provider.start()
        current = provider.read()
        if current is not None:
            return LostKey(provider_arn=current["arn"]), {}
        self.files.changes({})  # a problem with them is found before the key is created
        return None, {"account_id": None, "created": False, "without_documents": False, "unregistered": True}

    def run_with_key(self) -> Values:
        texts = self.document_texts()
        plan = self.start_provider()
        changes = self.files.changes(texts)
        if changes and plan.provider and not self.spec.prepared:
            plan.provider.read()  # a problem with it is found before the files are written
        self.files.write(changes, self.ledger)
        # IAM reads the documents when a provider is created, so they must be served first.
        served = self.check()
        # An existing provider is managed even while its host does not serve the documents.
        plan.left_out = served.verdict == "broken" and (plan.provider or self.provider_resource()).read() is None
        self.plan_provider(plan)

        provider = self.register(plan)
        if served.verdict == "broken":
            self.ledger.warn([self._what_to_serve(served.diagnosis, left_out=plan.left_out)])
        return self.finish(texts, provider, served)

    def _what_to_serve(self, diagnosis: str | None, *, left_out: bool) -> str:
        consequence = ", so the provider is not registered" if left_out else ""
        intro = f"The issuer's documents are not served{consequence}. {diagnosis}"
        end = f"{self.issuer.discovery_url}, both as application/json and to everyone, then run again."
        if self.spec.documents_path:
            folder = shown(self.spec.documents_path)
            return (
                f"{intro} Serve {folder}/{JWKS_PATH} at {self.issuer.jwks_url} and {folder}/{DISCOVERY_PATH} at {end}"
            )
        return (
            f"{intro} Serve the text irsa_issuer_result.jwks_json at {self.issuer.jwks_url} and "
            f"irsa_issuer_result.discovery_json at {end} To get them as files, set irsa_issuer_documents_path."
        )
