# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service accounts whose annotation gives their pods an IAM role."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, items_at, text_at

# What the webhook takes for a role's ARN. It injects another text as well, and only logs a warning:
# https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/pkg/cache/cache.go
_ROLE_ARN = re.compile(r"arn:aws[a-z0-9-]*:iam::(?P<account>\d{12}):role/[\w/.@+=,-]+", re.ASCII)
# Stores other than AWS have account IDs of other forms.
_ANY_ROLE_ARN = re.compile(r"arn:[a-z0-9-]+:iam::(?P<account>[^:]+):role/[\w/.@+=,-]+", re.ASCII)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoleAccount:
    """A service account with a role.

    ``audience`` is that of its annotation, empty without one. ``labelled`` says whether our policy looks at it.
    ``annotated_at`` is when the annotation was written (RFC 3339), as far as the API server knows; else empty.
    """

    namespace: str
    name: str
    role_arn: str
    audience: str = ""
    labelled: bool = False
    annotated_at: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def is_well_formed(self) -> bool:
        """Whether the annotation is the ARN of a role at AWS."""
        return _ROLE_ARN.fullmatch(self.role_arn) is not None

    @property
    def account_id(self) -> str | None:
        """The account in the role's ARN, also of another store than AWS; None if it is no ARN of a role."""
        found = _ANY_ROLE_ARN.fullmatch(self.role_arn)
        return found["account"] if found else None


def role_accounts(service_accounts: t.Iterable[t.Any]) -> list[RoleAccount]:
    """Return those with a role among ServiceAccount objects, in the order of their names."""
    found = [
        _role_account(each) for each in service_accounts if text_at(each, "metadata", "annotations", names.ROLE_ARN)
    ]
    return sorted(found, key=lambda account: (account.namespace, account.name))


def _role_account(service_account: t.Any) -> RoleAccount:
    metadata = at(service_account, "metadata")
    return RoleAccount(
        namespace=text_at(metadata, "namespace"),
        name=text_at(metadata, "name"),
        role_arn=text_at(metadata, "annotations", names.ROLE_ARN),
        audience=text_at(metadata, "annotations", names.AUDIENCE),
        labelled=text_at(metadata, "labels", names.INJECT_LABEL) == "true",
        annotated_at=_annotated_at(metadata),
    )


def _annotated_at(metadata: t.Any) -> str:
    """Return when the annotation was last written, by what the API server keeps about the managers of fields.

    https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
    """
    times = [
        text_at(entry, "time")
        for entry in items_at(metadata, "managedFields")
        if at(entry, "fieldsV1", "f:metadata", "f:annotations", f"f:{names.ROLE_ARN}") is not None
    ]
    return max(times, default="")
