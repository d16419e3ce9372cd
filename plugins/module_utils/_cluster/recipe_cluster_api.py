# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cluster API: a patch of kubeadm in the KubeadmControlPlane, and the Secret with the key of a new cluster.

Its extraArgs refuse a name that is there twice, in v1beta1 and in v1beta2 (cluster-api#13853), so the issuer comes by
a file for kubeadm: https://cluster-api.sigs.k8s.io/tasks/bootstrap/kubeadm-bootstrap/
Both versions of the API have the same fields for it.
"""

from __future__ import annotations

import base64
import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_patches import API_SERVER_FILE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import FORGET
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import (
    NEW,
    Part,
    Recipe,
    RecipeFile,
    Request,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_limits import refuse_own_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_rules import (
    PLACES,
    RUNNING,
    file_name,
    require_cluster_name,
    string,
)

_FOLDER = "/etc/kubernetes/patches"

_RESTARTS = (
    "Cluster API replaces the machines of the control plane, one after the other. Go on with the next phase when the "
    "last command says that all of them are up to date."
)
_LIST_IS_REPLACED = (
    "kubectl patch replaces the whole list spec.kubeadmConfigSpec.files. If the first command prints other files than "
    f"{_FOLDER}/{API_SERVER_FILE}, add this one to them in the manifest of the KubeadmControlPlane, and apply that "
    "instead. Likewise, if patches.directory is set already, put the file into that folder."
)
_MANAGED = (
    "If the cluster has spec.topology, its KubeadmControlPlane is written by its ClusterClass. Change the "
    "KubeadmControlPlaneTemplate there instead."
)
_NOT_TWICE = (
    "If clusterConfiguration.apiServer.extraArgs names this issuer already, remove it there in the same change: an API "
    "server that is given an issuer twice does not start."
)
_ONE_KEY = (
    "The key is in a Secret that Cluster API reads when it makes the control plane. With another key, the tokens of "
    "running pods would be refused."
)


def cook(request: Request, phases: t.Sequence[str]) -> Recipe:
    """Return the parts of a KubeadmControlPlane for these phases. Raises IrsaError."""
    name = require_cluster_name(request, "Cluster API")
    is_running = any(phase in RUNNING for phase in phases)
    if is_running:
        refuse_own_key(request, "a running cluster of Cluster API", _ONE_KEY)
    parts = tuple(_part(request, phase, name) for phase in phases)
    return Recipe(parts=parts, notes=(*([_LIST_IS_REPLACED] if is_running else []), _NOT_TWICE, _MANAGED))


def _part(request: Request, phase: str, name: str) -> Part:
    file = RecipeFile(name=file_name(phase), text=_control_plane(request, phase))
    if phase != NEW:
        return Part(phase=phase, files=(file,), commands=_commands(name, file.name), restarts=_RESTARTS)
    if request.private_key is None:
        return Part(phase=phase, files=(file,), use=_use(file))
    secret = RecipeFile(name=f"irsa-{name}-sa.yaml", text=_secret(request, name), is_secret=True)
    return Part(
        phase=phase,
        files=(secret, file),
        commands=(f"kubectl apply --namespace NAMESPACE --filename {secret.name}",),
        use=f"Apply the Secret before the Cluster is made: otherwise Cluster API makes a key of its own. {_use(file)}",
    )


def _use(file: RecipeFile) -> str:
    return f"Merge {file.name} into the manifest of the KubeadmControlPlane."


def _commands(name: str, file: str) -> tuple[str, ...]:
    selected = f"--all-namespaces --selector cluster.x-k8s.io/cluster-name={name}"
    columns = "NAMESPACE:.metadata.namespace,NAME:.metadata.name,FILES:.spec.kubeadmConfigSpec.files[*].path"
    return (
        f"kubectl get kubeadmcontrolplane {selected} --output custom-columns='{columns}'",
        f"kubectl patch kubeadmcontrolplane NAME --namespace NAMESPACE --type merge --patch-file {file}",
        "kubectl get kubeadmcontrolplane NAME --namespace NAMESPACE",
    )


def _control_plane(request: Request, phase: str) -> str:
    content = "[]"
    if phase != FORGET:
        flag = json.dumps(f"--{ISSUER}={request.issuer}")
        content = f"- {{op: add, path: {PLACES[phase]}, value: {flag}}}"
    return f"""\
spec:
  kubeadmConfigSpec:
    files:
      - path: {_FOLDER}/{API_SERVER_FILE}
        owner: root:root
        permissions: "0644"
        content: |
          {content}
    initConfiguration:
      patches:
        directory: {_FOLDER}
    joinConfiguration:
      patches:
        directory: {_FOLDER}
"""


def _secret(request: Request, name: str) -> str:
    """Return the Secret that Cluster API takes for the key of service accounts.

    https://cluster-api.sigs.k8s.io/tasks/certs/using-custom-certificates
    """
    data = {"tls.crt": request.public_key, "tls.key": request.private_key}
    encoded = [f"  {each}: {base64.b64encode(str(pem).encode()).decode()}\n" for each, pem in data.items()]
    return f"""\
apiVersion: v1
kind: Secret
metadata:
  name: {string(f"{name}-sa")}
  labels:
    cluster.x-k8s.io/cluster-name: {string(name)}
type: cluster.x-k8s.io/secret
data:
{"".join(encoded)}"""
