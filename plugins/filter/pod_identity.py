# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that prints what a pod spec needs for an IAM role."""

from __future__ import annotations

import functools
import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.validation import check_type_bool, check_type_int, check_type_str

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.role_arns import is_role_arn
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import Redaction
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import constants
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.pod_identity import pod_identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings, problems
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE

# As Ansible converts options of a module. Variables from the command line are texts.
_Check = tuple[t.Callable[[t.Any], t.Any], str]
_TEXT: _Check = (functools.partial(check_type_str, allow_conversion=False), "a text")
_CHECKS: dict[str, _Check] = {
    "region": _TEXT,
    "audience": _TEXT,
    "expiration": (check_type_int, "a number of seconds"),
    "mount_path": _TEXT,
    "sts_regional_endpoints": (check_type_bool, "true or false"),
}


def _pod_identity(
    role_arn: t.Any,
    *,
    region: t.Any = "",
    audience: t.Any = DEFAULT_AUDIENCE,
    expiration: t.Any = constants.EXPIRATION,
    mount_path: t.Any = constants.MOUNT_PATH,
    sts_regional_endpoints: t.Any = True,
) -> dict[str, t.Any]:
    if not isinstance(role_arn, str) or not is_role_arn(role_arn):
        raise AnsibleFilterError(
            f"pod_identity expects the ARN of an IAM role, such as arn:aws:iam::123456789012:role/app, got "
            f"{quoted(Redaction(masking.in_value(role_arn)).over(role_arn))}."
        )
    settings = Settings(
        region=_typed("region", region or ""),
        audience=_typed("audience", audience),
        expiration=_typed("expiration", expiration),
        mount_path=_typed("mount_path", mount_path),
        sts_regional_endpoints=_typed("sts_regional_endpoints", sts_regional_endpoints),
    )
    for problem in problems(settings):
        raise AnsibleFilterError(f"pod_identity: {problem}")
    return pod_identity(role_arn, settings)


def _typed(name: str, value: t.Any) -> t.Any:
    convert, expected = _CHECKS[name]
    try:
        return convert(value)
    except TypeError:
        raise AnsibleFilterError(f"pod_identity: {name} must be {expected}.") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"pod_identity": _pod_identity}
