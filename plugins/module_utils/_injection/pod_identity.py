# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy or webhook would put into a pod, as parts for pod specs that are written by hand."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import constants
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names


def pod_identity(role_arn: str, settings: Settings) -> dict[str, list[dict[str, t.Any]]]:
    """Return the volumes of a pod, and volumeMounts and env of each of its containers, in the webhook's order.

    A webhook or policy that comes later finds them there and adds nothing.
    """
    token = {"audience": settings.audience, "expirationSeconds": settings.expiration, "path": constants.TOKEN_FILE}
    variables = {
        "AWS_STS_REGIONAL_ENDPOINTS": "regional" if settings.sts_regional_endpoints else "",
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_REGION": settings.region,
        names.ROLE_VARIABLE: role_arn,
        names.TOKEN_FILE_VARIABLE: f"{settings.mount_path}/{constants.TOKEN_FILE}",
    }
    return {
        "volumes": [{"name": names.VOLUME, "projected": {"sources": [{"serviceAccountToken": token}]}}],
        "volumeMounts": [{"name": names.VOLUME, "mountPath": settings.mount_path, "readOnly": True}],
        "env": [{"name": name, "value": value} for name, value in variables.items() if value],
    }
