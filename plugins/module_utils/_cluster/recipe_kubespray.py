# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kubespray: variables of its inventory.

A new cluster gets the issuer as an argument of kubeadm. There is one value for each argument, which replaces kubeadm's
own, so that a running cluster gets a patch instead: it adds to what kubeadm renders.
https://github.com/kubernetes-sigs/kubespray/blob/v2.31.0/docs/ansible/vars.md
https://github.com/kubernetes-sigs/kubespray/blob/v2.31.0/roles/kubernetes/kubeadm_common/tasks/main.yml
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import recipe_kubespray_notes
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import (
    NEW,
    Part,
    Recipe,
    RecipeFile,
    Request,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_limits import refuse_key_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_rules import (
    PLACES,
    RUNNING,
    file_name,
    is_older,
    string,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

_NAME = "kubespray"
# As in kubespray's own documentation.
_INVENTORY = "inventory/mycluster"
# Group variables are read in the order of the files' names, and kubespray's sample sets kubeadm_patches to [] in
# k8s-cluster.yml. A cluster that was made with the arguments keeps them beside a patch for another issuer.
_GROUP_VARS = f"{_INVENTORY}/group_vars/k8s_cluster"
_ARGUMENTS = f"{_GROUP_VARS}/zz-irsa-arguments.yml"
_PATCHES = f"{_GROUP_VARS}/zz-irsa-patches.yml"

# The first version in which kubeadm_patches is a list, and the first that removes the file of an entry that is gone.
_FIRST_WITH_LIST = (2, 27)
_FIRST_WITH_REMOVAL = (2, 31)
_EXAMPLE = "2.31.0"

_PLAYBOOK = f"ansible-playbook -b -i {_INVENTORY}/inventory.ini"
_CREATE = (f"{_PLAYBOOK} cluster.yml",)
# With --limit, facts of the other nodes must be there:
# https://github.com/kubernetes-sigs/kubespray/blob/v2.31.0/docs/operations/upgrades.md#node-based-upgrade
_CHANGE = (
    f"{_PLAYBOOK} playbooks/facts.yml",
    f'{_PLAYBOOK} upgrade-cluster.yml --limit "kube_control_plane:etcd"',
)
_RESTARTS = "kubespray drains one control-plane node after the other, and its control plane restarts."

_TITLES: t.Mapping[str, str] = {
    NEW: "A new cluster signs for the issuer.",
    ACCEPT: "The API servers accept the issuer, and sign for the present one.",
    SIGN: "The API servers sign for the issuer, and accept the present one.",
    SIGN_BACK: "The API servers sign for the former issuer again, and still accept this one.",
}


def cook(request: Request, phases: t.Sequence[str]) -> Recipe:
    """Return the recipe. Raises IrsaError for keys, and for a kubespray without a list of patches."""
    is_running = any(phase in RUNNING for phase in phases)
    if is_older(request, _FIRST_WITH_LIST, _EXAMPLE) and is_running:
        raise IrsaError(
            f"kubespray {request.version} cannot patch the issuer of a running cluster from its inventory: "
            "kubeadm_patches has been a list since 2.27. Upgrade kubespray, or run role irsa_apiserver for the hosts "
            "of kube_control_plane with irsa_apiserver_distribution kubeadm."
        )
    refuse_key_files(
        request,
        _NAME,
        instead="Run role irsa_apiserver for the hosts of kube_control_plane with irsa_apiserver_distribution kubeadm.",
    )
    notes = [recipe_kubespray_notes.PLACE]
    if NEW in phases:
        notes += recipe_kubespray_notes.FOR_NEW
    if is_running:
        notes += recipe_kubespray_notes.FOR_RUNNING
    if FORGET in phases and (not request.version or is_older(request, _FIRST_WITH_REMOVAL, _EXAMPLE)):
        notes.append(recipe_kubespray_notes.LEFT_BEHIND)
    return Recipe(
        parts=tuple(_part(request, phase) for phase in phases), notes=(*notes, recipe_kubespray_notes.OWN_ANSIBLE)
    )


def _part(request: Request, phase: str) -> Part:
    if phase == FORGET:
        return Part(phase=phase, commands=(f"rm {_PATCHES}", *_CHANGE), restarts=_RESTARTS)
    file = RecipeFile(name=file_name(phase), text=_variables(request, phase))
    if phase == NEW:
        return Part(phase=phase, files=(file,), commands=(f"cp {file.name} {_ARGUMENTS}", *_CREATE))
    return Part(phase=phase, files=(file,), commands=(f"cp {file.name} {_PATCHES}", *_CHANGE), restarts=_RESTARTS)


def _variables(request: Request, phase: str) -> str:
    header = f"# {_TITLES[phase]}\n"
    if phase == NEW:
        return f"{header}kube_kubeadm_apiserver_extra_args:\n  {ISSUER}: {string(request.issuer)}\n"
    return (
        f"{header}"
        "kubeadm_patches:\n"
        "  - target: kube-apiserver\n"
        "    type: json\n"
        "    patch:\n"
        "      - op: add\n"
        f"        path: {PLACES[phase]}\n"
        f"        value: {string(f'--{ISSUER}={request.issuer}')}\n"
    )
