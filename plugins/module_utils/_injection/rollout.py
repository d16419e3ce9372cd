# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until the pods of a Deployment run, and what keeps them from it.

https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.patience import Patience
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import pod_problems
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document, path_of, title_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

# Nodes may have to pull an image, and each pod waits before it is ready.
_LEAST_SECONDS = 180.0
_MANY = 3


def wait(api: ApiServer, deployment: Document, patience: Patience) -> None:
    """Wait until all pods are those of the Deployment as it is now, and available. Raises IrsaError with the reasons
    if they are not in time.
    """
    patient = dataclasses.replace(patience, seconds=max(patience.seconds, _LEAST_SECONDS))
    path, title = path_of(deployment), title_of(deployment)
    lacking = patient.until_none(lambda: _lacks(api.find(path)), f"until {title} is rolled out")
    if lacking is None:
        return
    reasons = list(dict.fromkeys(_reasons(api, deployment)))[:_MANY]
    raise IrsaError(
        f"{title} is not rolled out after {patient.seconds:g} seconds: {lacking}. "
        f"{' '.join(reasons) or 'Its pods do not say why.'} Correct this and run again; "
        "if it only takes longer, increase irsa_injection_timeout."
    )


def _lacks(deployment: t.Any) -> str | None:
    if deployment is None:
        return "another process has removed it"
    desired = at(deployment, "spec", "replicas")
    if (at(deployment, "status", "observedGeneration") or 0) < (at(deployment, "metadata", "generation") or 0):
        return "its controller has not seen it yet"
    pods, new, available = (
        at(deployment, "status", name) or 0 for name in ("replicas", "updatedReplicas", "availableReplicas")
    )
    if new < desired:
        return f"{new} of {desired} pods are created"
    if pods > new:
        return f"{pods - new} former pods still run"
    return None if available >= desired else f"{available} of {desired} pods are available"


def _reasons(api: ApiServer, deployment: Document) -> t.Iterator[str]:
    """Yield what keeps pods from being created, and what keeps them from running."""
    quota = pod_problems.made_no_pod(api.find(path_of(deployment)))
    if quota:
        yield f"Pods cannot be created: {quoted(quota)}."
    labels = deployment["spec"]["selector"]["matchLabels"]
    for problem in pod_problems.problems_of(api, deployment["metadata"]["namespace"], labels):
        yield f"{problem[0].upper()}{problem[1:]}."
