# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that makes the trust policy of a role for one service account."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import Redaction
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import trust_policy
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
_NAME = re.compile("[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def _trust_policy(
    arn: str, namespace: str, service_account: str, *, audience: str = DEFAULT_AUDIENCE
) -> dict[str, t.Any]:
    if not isinstance(arn, str) or ":oidc-provider/" not in arn:
        raise AnsibleFilterError(
            f"trust_policy expects the ARN of an OIDC provider, got {_shown(arn)}; "
            "irsa_issuer_result.provider_arn is one."
        )
    # StringEquals takes wildcards literally, and no service account has a name that Kubernetes refuses: such a role
    # would be of no use.
    if not _NAME.fullmatch(str(namespace)) or not _NAME.fullmatch(str(service_account)):
        raise AnsibleFilterError(
            "trust_policy expects the namespace and the name of one service account, got "
            f"{_shown(namespace)} and {_shown(service_account)}."
        )
    return trust_policy(arn, namespace=namespace, service_account=service_account, audience=audience)


def _shown(value: t.Any) -> str:
    return quoted(Redaction(masking.in_value(value)).over(value))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"trust_policy": _trust_policy}
