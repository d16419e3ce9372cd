# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for a cluster made by kubeadm: what irsa_apiserver calls.

state = Cluster(servers=(Server(name="node1", manifest=…, running=…, …), …), configuration=…, now=…)
result = plan(state, Goal(issuer="https://…", published_kids=…), Options())
result.findings.problems      all at once: fail before any write
for step in result.steps:     one server after the other
    for file in step.files:   write file.after if the present content is file.before
    …                         if step.restarts: wait until step.arguments run, and prove step.issuers and so on
    step.configuration        (before, after): write it into ConfigMap kubeadm-config by resourceVersion
"""

from __future__ import annotations

import dataclasses

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Cluster, Goal, Plan

PERSIST_AUTO = "auto"
CLUSTER_CONFIGURATION = "cluster_configuration"
PATCHES = "patches"
NONE = "none"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """The variables of the role that only kubeadm's clusters have."""

    persist: str = PERSIST_AUTO
    patches_dir: str = "/etc/kubernetes/patches"


def plan(cluster: Cluster, goal: Goal, options: Options) -> Plan:
    """Return the steps that lead to the goal. Never raises for what was read of the cluster: that is a problem."""
    raise NotImplementedError


def own_key_paths(manifest: bytes, kid: str) -> tuple[str, str]:
    """Return the paths of an own key's private and public file on a server, beside the cluster's key.

    Raises Fault if the manifest does not name the cluster's key.
    """
    raise NotImplementedError
