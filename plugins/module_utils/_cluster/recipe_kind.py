# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kind: a configuration file for a new cluster.

kind reads kubeadmConfigPatches when it creates a cluster, and its clusters are not upgraded. Its versions differ in the
version of the kubeadm API, but a patch that names none fits all of them, with arguments as a map:
- Up to 0.31, ClusterConfiguration is of v1beta3, in which arguments are a map.
- From 0.32 on, nodes of Kubernetes 1.36 and newer get v1beta4. kind makes a list of such a map then, and it merges by
  name: of two values for one name only the last one stays, so that there is one issuer here, too.
https://github.com/kubernetes-sigs/kind/blob/v0.32.0/pkg/internal/patch/kubeadm_merge.go
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import (
    NEW,
    Part,
    Recipe,
    RecipeFile,
    Request,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_limits import (
    refuse_key_files,
    refuse_running,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_rules import file_name, string

_NAME = "kind"
_FILE = file_name(NEW)

_MERGE = (
    "If you have a configuration file for kind, add the entry of kubeadmConfigPatches to it. Name no apiVersion in "
    "the entry: as it is, it fits every version of kind and of Kubernetes."
)
_ONE_VALUE = (
    "The cluster signs for this issuer from the start, and accepts no other one: kind takes one value for each "
    "argument."
)
_NOTES = (_MERGE, _ONE_VALUE)


def cook(request: Request, phases: t.Sequence[str]) -> Recipe:
    """Return the recipe. Raises IrsaError for a running cluster and for keys."""
    refuse_running(
        phases,
        _NAME,
        why="kind configures kubeadm only when it creates a cluster",
        instead="Set irsa_apiserver_phase to new, and create the cluster again with what the role then prints.",
    )
    refuse_key_files(request, _NAME)
    if NEW not in phases:
        return Recipe(parts=())
    file = RecipeFile(name=_FILE, text=_configuration(request))
    return Recipe(
        parts=(Part(phase=NEW, files=(file,), commands=(f"kind create cluster --config {_FILE}",)),), notes=_NOTES
    )


def _configuration(request: Request) -> str:
    name = f"name: {string(request.cluster_name)}\n" if request.cluster_name else ""
    return (
        "kind: Cluster\n"
        "apiVersion: kind.x-k8s.io/v1alpha4\n"
        f"{name}"
        "kubeadmConfigPatches:\n"
        "  - |\n"
        "    kind: ClusterConfiguration\n"
        "    apiServer:\n"
        "      extraArgs:\n"
        f"        {ISSUER}: {string(request.issuer)}\n"
    )
