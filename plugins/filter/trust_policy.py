# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that makes the trust policy of a role for one service account."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.selfhosted.irsa.plugins.module_utils.issuer import DEFAULT_AUDIENCE, trust_policy


def _trust_policy(arn: str, namespace: str, service_account: str, audience: str = DEFAULT_AUDIENCE) -> dict[str, t.Any]:
    if ":oidc-provider/" not in arn:
        raise AnsibleFilterError(
            f"trust_policy wants the ARN of an OIDC provider, and got {arn!r}; irsa_issuer_result.provider_arn is one."
        )
    return trust_policy(arn, namespace, service_account, audience)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"trust_policy": _trust_policy}
