# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service accounts whose annotation gives their pods an IAM role."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import role_arns
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, items_at, text_at


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoleAccount:
    """A service account with a role.

    ``audience`` is that of its annotation, ``label`` the value of the label by which our policy finds it, and
    ``annotated_at`` when the annotation was written (RFC 3339), as far as the API server knows. Each may be empty.
    """

    namespace: str
    name: str
    role_arn: str
    audience: str = ""
    label: str = ""
    annotated_at: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def labelled(self) -> bool:
        """Whether our policy looks at it."""
        return self.label == names.INJECT_VALUE

    @property
    def is_well_formed(self) -> bool:
        """Whether the annotation is the ARN of a role. Webhook and policy inject another text as well."""
        return role_arns.is_role_arn(self.role_arn)

    @property
    def account_id(self) -> str | None:
        """The account in the role's ARN; None if it is no ARN of a role."""
        parsed = role_arns.parse_role_arn(self.role_arn)
        return parsed.account_id if parsed else None


def role_accounts(service_accounts: t.Iterable[t.Any], annotation: str = names.ROLE_ARN) -> list[RoleAccount]:
    """Return those with a role among ServiceAccount objects, in the order of their names.

    Those of a proof that is under way, or that was interrupted, do not count.
    """
    found = [
        _role_account(each, annotation)
        for each in service_accounts
        if text_at(each, "metadata", "annotations", annotation) not in ("", names.PROOF_ROLE)
    ]
    return sorted(found, key=lambda account: (account.namespace, account.name))


def _role_account(service_account: t.Any, annotation: str) -> RoleAccount:
    metadata = at(service_account, "metadata")
    return RoleAccount(
        namespace=text_at(metadata, "namespace"),
        name=text_at(metadata, "name"),
        role_arn=text_at(metadata, "annotations", annotation),
        audience=text_at(metadata, "annotations", names.AUDIENCE),
        label=text_at(metadata, "labels", names.INJECT_LABEL),
        annotated_at=_annotated_at(metadata, annotation),
    )


def _annotated_at(metadata: t.Any, annotation: str) -> str:
    """Return when the annotation was last written, by what the API server keeps about the managers of fields.

    https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
    """
    times = [
        text_at(entry, "time")
        for entry in items_at(metadata, "managedFields")
        if at(entry, "fieldsV1", "f:metadata", "f:annotations", f"f:{annotation}") is not None
    ]
    return max(times, default="")
