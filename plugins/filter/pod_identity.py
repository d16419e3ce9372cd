# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that prints what a pod spec needs for an IAM role."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.role_arns import is_role_arn
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import Redaction
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import constants
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.pod_identity import pod_identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings, problems
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE


def _pod_identity(
    role_arn: str,
    *,
    region: str = "",
    audience: str = DEFAULT_AUDIENCE,
    expiration: int = constants.EXPIRATION,
    mount_path: str = constants.MOUNT_PATH,
    sts_regional_endpoints: bool = True,
) -> dict[str, t.Any]:
    if not isinstance(role_arn, str) or not is_role_arn(role_arn):
        raise AnsibleFilterError(
            f"pod_identity expects the ARN of an IAM role, such as arn:aws:iam::123456789012:role/app, got "
            f"{quoted(Redaction(masking.in_value(role_arn)).over(role_arn))}."
        )
    try:
        settings = Settings(
            region=str(region or ""),
            audience=str(audience),
            expiration=int(expiration),
            mount_path=str(mount_path),
            sts_regional_endpoints=bool(sts_regional_endpoints),
        )
    except (TypeError, ValueError):
        raise AnsibleFilterError("pod_identity: expiration must be a number of seconds.") from None
    for problem in problems(settings):
        raise AnsibleFilterError(f"pod_identity: {problem}")
    return pod_identity(role_arn, settings)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"pod_identity": _pod_identity}
