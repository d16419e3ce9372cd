# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pods that may hold tokens of a leaked key, as a host of the play lists them."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import seconds_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.pod_owner import owner_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.revocation import Pod
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import Ask, Reading


def of_cluster(reading: Reading, audiences: t.Sequence[str], *, ask: Ask) -> tuple[list[Pod], str | None]:
    """Return the pods that run with tokens, and why they cannot be listed, since a revocation does not wait for that.
    None: they were.
    """
    arguments = {"operation": "token_pods", "server": f"https://{reading['address']}", "audiences": list(audiences)}
    try:
        found = ask({**arguments, **reading["access"]})
    except IrsaError as error:
        return [], str(error)
    if found["pods"] is None:
        return [], " ".join(found["faults"])
    return [_pod(each) for each in found["pods"]], None


def _pod(found: t.Mapping[str, t.Any]) -> Pod:
    metadata, started = found["metadata"], None
    with contextlib.suppress(Fault):
        started = seconds_of(found["started"]) if found["started"] else None
    owner = owner_of(metadata)
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        workload=owner.restart[-1] if owner.restart else None,
        is_made_again=bool(owner.kind),
        uses_aws=found["uses_aws"],
        is_critical=found["is_critical"],
        started=started,
    )
