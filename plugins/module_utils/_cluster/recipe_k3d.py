# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""k3d: a configuration file for a new cluster.

k3d gives arguments to k3s as the command of a node's container, which never changes.
https://k3d.io/stable/usage/configfile/
"""

from __future__ import annotations

import shlex
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

_NAME = "k3d"
_FILE = file_name(NEW)
_SERVERS = "server:*"

_SIGN = (
    "The sign -= puts the issuer in front of the one that k3s sets, which stays accepted. It needs an image of k3s "
    "1.24 or newer."
)


def cook(request: Request, phases: t.Sequence[str]) -> Recipe:
    """Return the recipe. Raises IrsaError for a running cluster and for keys."""
    refuse_running(
        phases,
        _NAME,
        why="k3d gives arguments to k3s only when it creates a node",
        instead="Set irsa_apiserver_phase to new, and create the cluster again with what the role then prints.",
    )
    refuse_key_files(request, _NAME)
    if NEW not in phases:
        return Recipe(parts=())
    file = RecipeFile(name=_FILE, text=_configuration(request))
    return Recipe(
        parts=(Part(phase=NEW, files=(file,), commands=(f"k3d cluster create --config {_FILE}",)),),
        notes=(_flag_note(request), _SIGN),
    )


def _argument(request: Request) -> str:
    """Return the argument of k3s: its sign puts the value in front of the default.

    https://github.com/k3s-io/k3s/blob/master/pkg/util/args.go
    """
    return f"--kube-apiserver-arg={ISSUER}-={request.issuer}"


def _configuration(request: Request) -> str:
    metadata = f"metadata:\n  name: {string(request.cluster_name)}\n" if request.cluster_name else ""
    return (
        "apiVersion: k3d.io/v1alpha5\n"
        "kind: Simple\n"
        f"{metadata}"
        "options:\n"
        "  k3s:\n"
        "    extraArgs:\n"
        f"      - arg: {string(_argument(request))}\n"
        f"        nodeFilters: [{string(_SERVERS)}]\n"
    )


def _flag_note(request: Request) -> str:
    command = ["k3d", "cluster", "create", *([request.cluster_name] if request.cluster_name else [])]
    command += ["--k3s-arg", f"{_argument(request)}@{_SERVERS}"]
    return (
        f"If you have a configuration file for k3d, add the entry of options.k3s.extraArgs to it. Without a file, the "
        f"same is: {shlex.join(command)}"
    )
