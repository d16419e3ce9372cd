# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of objects that we create: where an API server has them, and what must exist before them."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import ownership

Document = dict[str, t.Any]

ADMISSION = "admissionregistration.k8s.io/v1"
MUTATING = "MutatingAdmissionPolicy"
VALIDATING = "ValidatingAdmissionPolicy"
BINDING = "Binding"
POLICY_KINDS = (MUTATING, f"{MUTATING}{BINDING}", VALIDATING, f"{VALIDATING}{BINDING}")
_RBAC = "rbac.authorization.k8s.io/v1"
_CERT_MANAGER = "cert-manager.io/v1"


@dataclasses.dataclass(frozen=True)
class Kind:
    """``plural`` is the name of a kind in URLs."""

    api_version: str
    plural: str
    namespaced: bool = False

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        group, slash, _version = self.api_version.rpartition("/")
        return group if slash else ""

    @property
    def api_path(self) -> str:
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"

    @property
    def list_path(self) -> str:
        """The path of all objects of the kind, in all namespaces."""
        return f"{self.api_path}/{self.plural}"


KINDS = {
    MUTATING: Kind(ADMISSION, "mutatingadmissionpolicies"),
    f"{MUTATING}{BINDING}": Kind(ADMISSION, "mutatingadmissionpolicybindings"),
    VALIDATING: Kind(ADMISSION, "validatingadmissionpolicies"),
    f"{VALIDATING}{BINDING}": Kind(ADMISSION, "validatingadmissionpolicybindings"),
    "MutatingWebhookConfiguration": Kind(ADMISSION, "mutatingwebhookconfigurations"),
    "Namespace": Kind("v1", "namespaces"),
    "ServiceAccount": Kind("v1", "serviceaccounts", namespaced=True),
    "Secret": Kind("v1", "secrets", namespaced=True),
    "Service": Kind("v1", "services", namespaced=True),
    "Deployment": Kind("apps/v1", "deployments", namespaced=True),
    "PodDisruptionBudget": Kind("policy/v1", "poddisruptionbudgets", namespaced=True),
    "ClusterRole": Kind(_RBAC, "clusterroles"),
    "ClusterRoleBinding": Kind(_RBAC, "clusterrolebindings"),
    "Issuer": Kind(_CERT_MANAGER, "issuers", namespaced=True),
    "Certificate": Kind(_CERT_MANAGER, "certificates", namespaced=True),
}


def document(kind: str, name: str, *, namespace: str = "", **members: t.Any) -> Document:
    """Return a document with our label and these members."""
    place = {"namespace": namespace} if namespace else {}
    metadata = {"name": name, **place, "labels": dict(ownership.LABELS)}
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": metadata, **members}


def path_of(document: Document) -> str:
    """Return the path of a document's object."""
    kind, metadata = KINDS[document["kind"]], document["metadata"]
    folder = f"namespaces/{metadata['namespace']}/" if kind.namespaced else ""
    return f"{kind.api_path}/{folder}{kind.plural}/{metadata['name']}"


def title_of(document: Document) -> str:
    """Return kind and name, with the namespace if there is one."""
    metadata = document["metadata"]
    namespace = f"{metadata['namespace']}/" if KINDS[document["kind"]].namespaced else ""
    return f"{document['kind']}/{namespace}{metadata['name']}"


def required_by(document: Document) -> Document | None:
    """Return kind and name of the object without which a document cannot be tried by a dry run; None if of nothing.

    A namespaced object needs its namespace. For the binding of a policy that does not exist yet, the API server would
    not know what parameters the policy has, and would demand the right to read everything. For the binding of a role
    that does not exist yet, it could not compare the role's rights with the user's.
    """
    kind = document["kind"]
    if kind == "ClusterRoleBinding":
        return {"kind": "ClusterRole", "metadata": {"name": document["roleRef"]["name"]}}
    if kind.endswith(f"Policy{BINDING}"):
        return {"kind": kind.removesuffix(BINDING), "metadata": {"name": document["spec"]["policyName"]}}
    if KINDS[kind].namespaced:
        return {"kind": "Namespace", "metadata": {"name": document["metadata"]["namespace"]}}
    return None
