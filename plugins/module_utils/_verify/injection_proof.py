# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether pods get credentials, by a dry run, whatever injects them."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.constants import GUARD_POLICY
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import dry_runs, names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import items_at, names_at, text_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.role_accounts import RoleAccount

INJECTED, MISSED, REFUSED, UNKNOWN = "injected", "missed", "refused", "unknown"


class Proof(t.NamedTuple):
    """What an API server did with the pod, and what it said if it did not admit it."""

    result: str
    said: str = ""


def prove(server: ApiServer, account: RoleAccount) -> Proof:
    """Have an API server admit a pod of a service account in a dry run."""
    try:
        pod = dry_runs.created_pod(server, account.namespace, account.name)
    except RequestFailed as failure:
        ours = failure.status in (403, 422, 500) and _blames_injection(str(failure))
        return Proof(REFUSED if ours else UNKNOWN, str(failure))
    return Proof(INJECTED if is_injected(pod, account.role_arn) else MISSED)


def is_injected(pod: t.Any, role_arn: str) -> bool:
    """Whether the container of a pod that was asked for has a role, a token file, and the volume with the token."""
    container = dry_runs.own_container(pod)
    variables = {text_at(each, "name"): text_at(each, "value") for each in items_at(container, "env")}
    return (
        variables.get(names.ROLE_VARIABLE) == role_arn
        and names.TOKEN_FILE_VARIABLE in variables
        and names.VOLUME in names_at(pod, "spec", "volumes")
    )


def _blames_injection(message: str) -> bool:
    """Whether a refusal comes from our policies, or from the webhook."""
    return any(each in message for each in (names.INJECT_POLICY, GUARD_POLICY, "pod-identity", "iam-for-pods"))
