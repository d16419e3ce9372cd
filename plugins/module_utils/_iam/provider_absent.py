# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove the IAM OIDC provider of an issuer, but not while IAM roles trust it."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome, ensure
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_base import ProviderResource, ProviderSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_reading import may_trust


def ensure_absent(aws: Aws, spec: ProviderSpec, check_mode: bool) -> Outcome[ApiCall]:
    """Remove the provider.

    Raises IrsaError, with a list, while IAM roles trust it, unless ``spec.ignore_role_trust``.
    """
    return ensure(AbsentProvider(aws, spec), aws, check_mode)


class AbsentProvider(ProviderResource):
    """The provider as a resource whose desired state is absent."""

    def plan(self) -> list[ApiCall]:
        current = self.read()
        if current is None:
            return []
        if not self.spec.ignore_role_trust:
            self._refuse_while_trusted()
        return [
            self.change(
                "DeleteOpenIDConnectProvider",
                "provider",
                before={name: current[name] for name in ("url", "client_ids", "thumbprints", "tags")},
                done_codes=("NoSuchEntity",),
                params=self.id_params,
            )
        ]

    def values(self, changes: t.Sequence[ApiCall] = ()) -> dict[str, t.Any]:
        return {"arn": self.arn, "url": self.spec.url, "account_id": self.account_id}

    def _refuse_while_trusted(self) -> None:
        pages = self.aws.pages("iam", "ListRoles", f"account {self.account_id}")
        trusting = sorted(
            role["Arn"]
            for page in pages
            for role in page.get("Roles", [])
            if may_trust(role.get("AssumeRolePolicyDocument"), self.arn)
        )
        if trusting:
            raise IrsaError(
                f"IAM roles still trust the provider {self.arn}: {listed(trusting)}. Nothing was removed. Delete "
                "those roles or their trust first, so that no one who takes over the issuer's name later can assume "
                "them; or set ignore_role_trust (irsa_issuer_ignore_role_trust).",
                trusting_roles=trusting,
            )
