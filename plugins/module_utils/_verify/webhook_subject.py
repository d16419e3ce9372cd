# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of one webhook, for the checks of it, and how they judge."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_proof import MISSED
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_reading import Webhook
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_backend import Backend
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_calls import Calls


class Judgement(t.NamedTuple):
    """Status and text of a check of one webhook, and whether it keeps pods from credentials. ``cause`` and ``remedy``
    are those of the catalogue unless given.
    """

    status: str
    seen: str
    cause: str | None = None
    remedy: str | None = None
    blocks: bool = False


class Subject:
    """A webhook of a cluster, with what is behind it and what API servers make of it."""

    def __init__(self, cluster: LiveCluster, webhook: Webhook) -> None:
        self.cluster = cluster
        self.webhook = webhook
        self.calls = Calls(cluster, webhook)
        self.backend = None if webhook.service is None else Backend(cluster.api, webhook.service)

    @functools.cached_property
    def is_served(self) -> bool:
        """Whether pods get credentials on every API server, from this webhook or from something else."""
        return self.cluster.proofs is not None and self.cluster.proofs.all_injected

    @property
    def is_proven(self) -> bool:
        """Whether they can only have got them from this webhook."""
        return self.is_served and len(self.cluster.injectors) == 1 and not self.cluster.injection_unknown

    @property
    def is_missed(self) -> bool:
        """Whether a pod was admitted without credentials."""
        return self.cluster.proofs is not None and bool(self.cluster.proofs.servers(MISSED))

    def fault(self, seen: str, cause: str | None = None, remedy: str | None = None) -> Judgement:
        """Return what keeps the webhook from injecting: a warning if something else gives pods their credentials."""
        if self.is_served:
            return Judgement(WARNING, f"{seen} Pods get their credentials all the same.", cause, remedy)
        return Judgement(ERROR, seen, cause, remedy, blocks=True)
