# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run for an issuer: what an issuer in a bucket and one on another host have in common.

Everything is read and planned first, and only then written: bucket, documents, provider.
"""

from __future__ import annotations

import abc
import dataclasses
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import (
    Outcome,
    Resource,
    planned,
    reconcile,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import SKIPPED
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import thumbprint
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_base import ProviderSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_present import PresentProvider
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_rules import AUTO
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import api_servers, local_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set, issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.public_issuer import require_public
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report

# S3 serves a new bucket and a new policy everywhere only after a moment.
_PATIENCE_SECONDS = 30

_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z])")
# What runs this role need not be told to run it.
_TOLD = "role irsa_issuer"

Values = dict[str, t.Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LostKey:
    """What still depends on a key whose file is gone: the provider, and the kids of the published keys."""

    provider_arn: str
    kids: t.Sequence[t.Any] = ()


@dataclasses.dataclass(kw_only=True)
class ProviderPlan:
    """The provider with the changes to it.

    ``provider`` is None while its thumbprints cannot be computed yet: ``[auto]`` needs the served certificates.
    ``left_out``: it is not registered, since the documents are not served.
    """

    provider: PresentProvider | None
    changes: list[ApiCall] | None = None
    left_out: bool = False


def usable_issuer(aws: Aws, url: str) -> issuer_url.Issuer:
    """Return an issuer that tokens can have and AWS may be able to reach. Raises IrsaError for any other, without a
    call.
    """
    issuer = issuer_url.parse(url)
    require_public(issuer, aws, "iam")
    return issuer


class IssuerRun(abc.ABC):
    """One run. Changes and warnings go into the ledger as they are made."""

    def __init__(self, aws: Aws, spec: IssuerSpec, ledger: Ledger, *, url: str, bucket_account_id: str | None) -> None:
        local_files.require_result_file(spec.result_path)
        self.issuer = usable_issuer(aws, url)
        self.aws = aws
        self.spec = spec
        self.ledger = ledger
        self.url = url
        self.bucket_account_id = bucket_account_id

    # --- what depends on where the documents are

    @abc.abstractmethod
    def run_without_key(self) -> tuple[LostKey | None, Values]:
        """Run without a key: return what depends on a lost key or, if nothing does, prepare for a new one.

        The second value is the input for the next run, which has the key. Raises IrsaError.
        """

    @abc.abstractmethod
    def run_with_key(self) -> Values:
        """Run with the public key, which may still be unknown in check mode.

        Returns the summary. Raises IrsaError.
        """

    # --- steps

    def carry_out(self, resource: Resource[ApiCall], plan: list[ApiCall] | None) -> Outcome[ApiCall]:
        """Apply a plan."""
        return resource.outcome(reconcile(resource, self.aws, self.ledger, plan=plan))

    def settle(self) -> None:  # noqa: B027  # most have nothing to look at
        """Look at what was written without a condition once more. Comes last, since others need time to overwrite it.

        Raises IrsaError.
        """

    def document_texts(self) -> Values:
        """Return the texts of both documents; empty while the key is not known."""
        self.ledger.warn(document_set.left_out(called("extra_jwks"), self.spec.extra_jwks))
        if not self.spec.has_keys:
            return {}
        return document_set.texts(self.url, self.spec.sourced_keys(), legacy_empty_kid=self.spec.legacy_empty_kid)

    @property
    def route(self) -> Route:
        """How to reach the host that serves the documents."""
        return Route(self.spec.connect_to, self.spec.ca_path, self.spec.verify_timeout)

    def provider_resource(self, thumbprints: t.Sequence[str] | None = None) -> PresentProvider:
        """Return the provider as a resource."""
        spec, prepared = self.spec, self.spec.prepared
        # An account that was looked up, or compared when the bucket was created in it, need not be confirmed again.
        known = not spec.account_id or (prepared.get("created") and prepared["account_id"] == spec.account_id)
        return PresentProvider(
            self.aws,
            ProviderSpec(
                url=self.url,
                client_ids=spec.audiences,
                purge_client_ids=spec.purge_client_ids,
                thumbprints=thumbprints,
                tags=spec.tags,
                account_id=spec.provider_account(self.bucket_account_id),
                confirm_account=not known,
            ),
        )

    def start_provider(self) -> ProviderPlan:
        """Begin to read the provider in parallel with other reads, unless it is known to be absent."""
        if list(self.spec.thumbprints or []) == [AUTO]:
            return ProviderPlan(provider=None)
        provider = self.provider_resource(self.spec.thumbprints)
        if self.spec.prepared.get("unregistered"):
            provider.assume_absent()
        else:
            provider.start()
        return ProviderPlan(provider=provider)

    def register(self, plan: ProviderPlan) -> PresentProvider | None:
        """Carry out the plan of the provider. Return the provider, None if it is left out."""
        if plan.left_out:
            return None
        provider = plan.provider or self.provider_resource([thumbprint.of_issuer(self.url, self.route)])
        self.carry_out(provider, plan.changes)
        return provider

    @staticmethod
    def plan_provider(plan: ProviderPlan) -> None:
        """Add the provider's changes to its plan, as far as they can be planned now."""
        if plan.provider is not None and not plan.left_out:
            plan.changes = planned(plan.provider)

    # --- the end

    def check(self, provider: PresentProvider | None = None, patience: float = 0, aws: Aws | None = None) -> Report:
        """Return what a verification of the issuer finds. While the documents do not work, it goes on for ``patience``
        seconds. What the run knows about the provider is not read again.
        """
        # A fifth of what a shipped module has to compile, and needed only to verify.
        from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import verification  # noqa: PLC0415
        from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Identity  # noqa: PLC0415

        identity = None
        if provider is not None:
            identity = Identity(
                look_at_provider=False, known_provider=provider.values(), audiences=tuple(self.spec.audiences)
            )
        expectation = verification.Expectation(
            issuer=self.url,
            route=self.route,
            kids=self._expected_kids(),
            identity=identity,
            bucket_account_id=self.bucket_account_id,
            may_be_internal=True,  # the issuer was checked at the start
        )
        return verification.verify_patiently(expectation, patience, aws)

    def _expected_kids(self) -> t.Sequence[str]:
        """Return the kid of the signing key or, without a key of its own, all kids that the issuer publishes."""
        if self.spec.keyless:
            return [sourced.key["kid"] for sourced in self.spec.sourced_keys()]
        return self.spec.key.kids or ((self.spec.key.kid,) if self.spec.key.kid else ())

    def finish(
        self, published: t.Mapping[str, t.Any], provider: PresentProvider | None, served: Report | None = None
    ) -> Values:
        """Write the result to its file, verify the issuer, and return the summary. Raises IrsaError if the issuer does
        not work: the file is there by then, since it says what was made. ``served`` is the report if there is one.
        """
        of_issuer = self._of_issuer(published, provider)
        is_changed, was_made = self.ledger.changed or self.spec.key.changed, bool(self._actions())
        local_files.write_result(self.spec.result_path, of_issuer, self.ledger)
        made = self._actions() if was_made else []  # the file alone is no reason why an issuer does not work yet
        report = served or self._verify(provider, is_changed=is_changed, made=made)
        return self._summary(of_issuer, report)

    def _verify(self, provider: PresentProvider | None, *, is_changed: bool, made: t.Sequence[str]) -> Report | None:
        """Fetch the documents anonymously; in check mode only if nothing would change. ``made`` is for a failure.

        AWS is asked only for the reason why they cannot be read. Raises IrsaError if the issuer does not work.
        """
        if not self.spec.verify or (self.ledger.check_mode and is_changed):
            return None
        report = self.check(provider, _PATIENCE_SECONDS if is_changed else 0, self.aws)
        if report.verdict == "broken":
            raise IrsaError(
                self._failure(report, made),
                checks=[check.as_dict() for check in report.checks if check.status != SKIPPED],
            )
        return report

    def _failure(self, report: Report, made: t.Sequence[str]) -> str:
        """Return why the verification fails the run: first what was done all the same, and the remedy for this run."""
        fault = report.first_error
        if not made or fault is None:
            return f"The issuer {self.url} does not work. {report.diagnosis}"
        sentences = _SENTENCES.split(fault.remedy or "")
        remedies = [text for text in sentences if text and _TOLD not in text]
        return (
            f"Made: {len(made)} write{'' if len(made) == 1 else 's'} ({', '.join(dict.fromkeys(made))}). "
            f"The issuer {self.url} does not work yet. {fault.seen}{f' {fault.cause}' if fault.cause else ''} "
            "Everything that was to be written is written: run this again in a few minutes, or with "
            f"{called('verify')}=false to leave out the verification."
            + (f" If it stays so: {' '.join(remedies)}" if remedies else "")
        )

    def _actions(self) -> list[str]:
        """What was done, by earlier tasks first: the bucket before the key existed, then the key itself."""
        return [*self.spec.prepared.get("actions", []), *self.spec.key.actions, *self.ledger.actions]

    def _of_issuer(self, published: t.Mapping[str, t.Any], provider: PresentProvider | None) -> Values:
        """Return what is true of the issuer, whichever run says it."""
        spec, key = self.spec, self.spec.key
        keys = published.get("published_keys", [])
        # A cluster's only key signs; of keys that were given, nothing says which one does.
        own = [each for each in keys if not each["foreign"]] if spec.keyless and spec.cluster_jwks else []
        only = own[0] if len(own) == 1 else {}
        return {
            "issuer": self.url,
            "issuer_host": self.issuer.host_path,
            "jwks_uri": self.issuer.jwks_url,
            "provider_arn": provider.arn if provider else None,
            # A list of one today.
            "providers": [{"account_id": provider.account_id, "arn": provider.arn}] if provider else [],
            "kid": only.get("kid", key.kid),
            "algorithm": only.get("algorithm", key.algorithm),
            "keys": keys,
            "bucket": spec.bucket,
            "documents": published.get("documents", []),
            "jwks_json": published.get("jwks_json"),
            "discovery_json": published.get("discovery_json"),
            "public_key": key.public_key,
            **api_servers.values(spec, self.issuer),
            "documents_path": spec.documents_path,
        }

    def _summary(self, of_issuer: Values, report: Report | None) -> Values:
        """Return what role irsa_issuer sets as ``irsa_issuer_result``."""
        key, prepared = self.spec.key, self.spec.prepared
        return {
            **of_issuer,
            "actions": self._actions(),
            "permissions": sorted({*prepared.get("permissions", []), *key.permissions, *self.aws.permissions}),
            "changed": bool(prepared.get("changed") or key.changed or self.ledger.changed),
            "verification": report.text if report else None,
            "checks": [check.as_dict() for check in report.checks] if report else None,
        }
