# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that a round of a rotation has read: of the hosts, of the store, and what is remembered."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Cluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts, PublishedKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _apiserver_reading, _key_steps
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._apiserver_reading import ClusterReading
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import Ask, Reading
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_known import KnownKeys


@dataclasses.dataclass(frozen=True, kw_only=True)
class Read:
    """What was read in a round. ``first`` is the reading of the host on which the new key is made."""

    first: Reading
    reading: ClusterReading
    cluster: Cluster
    facts: Facts
    record: Record
    known: KnownKeys

    @classmethod
    def of(cls, variables: t.Mapping[str, t.Any], name: str, state: t.Mapping[str, t.Any], *, ask: Ask) -> Read:
        """Return what was read, given the name of the hosts' readings and the result of irsa_rotation_state.

        ``ask`` runs module irsa_node on a host of the play. Raises IrsaError.
        """
        return cls.of_readings(_apiserver_reading.of_play(variables, name), state, ask=ask)

    @classmethod
    def of_readings(
        cls, readings: t.Sequence[Reading], state: t.Mapping[str, t.Any], *, ask: Ask, later: float = 0
    ) -> Read:
        """Return the same, given the hosts' readings. ``later`` is by how many seconds these are of a later time."""
        reading = ClusterReading(readings)
        cluster = _key_steps.cluster_of(reading, ask)
        of_servers = _key_steps.facts_of(reading, cluster)
        # The record's times are the store's.
        of_store = {"now": state["now"], "modified": state["modified"], "max_age": state["max_age"]}
        published = tuple(PublishedKey(kid=key["kid"], algorithm=key["algorithm"]) for key in state["published"])
        key_sets = [observed["jwks"] for observed in reading.observed.values()]
        return cls(
            first=readings[0],
            reading=reading,
            cluster=cluster,
            facts=Facts(**{**of_servers, **of_store, "published": published, "controller": time.time() + later}),
            record=_record(state["record"]),
            known=KnownKeys.of(readings, key_sets, state["jwks_json"]),
        )


def _record(text: str | None) -> Record:
    try:
        return Record.parse(text)
    except Fault as fault:
        raise IrsaError(f"The record of the rotation cannot be used: {fault}.") from None
