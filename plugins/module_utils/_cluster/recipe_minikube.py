# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""minikube: the command for a new cluster.

minikube keeps extra options by name, so that there is one issuer.
https://github.com/kubernetes/minikube/blob/master/pkg/minikube/bootstrapper/bsutil/extraconfig.go
"""

from __future__ import annotations

import shlex
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import NEW, Part, Recipe, Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_limits import (
    refuse_key_files,
    refuse_running,
)

_NAME = "minikube"

_OPTIONS = (
    "Add your own options of minikube start to the command. At a later minikube start, repeat either all "
    "--extra-config options or none: those that are given replace the former ones."
)
_ONE_VALUE = (
    "The cluster signs for this issuer from the start, and accepts no other one: minikube takes one value for each "
    "option."
)
_NOTES = (_OPTIONS, _ONE_VALUE)


def cook(request: Request, phases: t.Sequence[str]) -> Recipe:
    """Return the recipe. Raises IrsaError for a running cluster and for keys."""
    refuse_running(
        phases,
        _NAME,
        why="minikube has one value for the issuer, so that the API server would refuse all tokens that pods have",
        instead=(
            "Set irsa_apiserver_phase to new, delete the cluster, and create it again with what the role then prints."
        ),
    )
    refuse_key_files(request, _NAME)
    if NEW not in phases:
        return Recipe(parts=())
    command = ["minikube", "start", *([f"--profile={request.cluster_name}"] if request.cluster_name else [])]
    command.append(f"--extra-config=apiserver.{ISSUER}={request.issuer}")
    return Recipe(parts=(Part(phase=NEW, commands=(shlex.join(command),)),), notes=_NOTES)
