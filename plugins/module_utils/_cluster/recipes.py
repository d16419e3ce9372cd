# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipe of each distribution that this collection does not change itself, by its irsa_apiserver_distribution."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import (
    recipe_cluster_api,
    recipe_gardener,
    recipe_generic,
    recipe_k3d,
    recipe_kind,
    recipe_kops,
    recipe_kubespray,
    recipe_minikube,
    recipe_openshift,
    recipe_talos,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import Cook

RECIPES: t.Mapping[str, Cook] = {
    "talos": recipe_talos.cook,
    "kubespray": recipe_kubespray.cook,
    "cluster_api": recipe_cluster_api.cook,
    "openshift": recipe_openshift.cook,
    "kops": recipe_kops.cook,
    "gardener": recipe_gardener.cook,
    "kind": recipe_kind.cook,
    "k3d": recipe_k3d.cook,
    "minikube": recipe_minikube.cook,
    "generic": recipe_generic.cook,
}
