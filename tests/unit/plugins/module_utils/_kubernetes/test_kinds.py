# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where objects are, and what must exist before a dry run can try them."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import kinds


@pytest.mark.parametrize(
    ("document", "path", "title", "required"),
    [
        (kinds.document("Namespace", "n"), "/api/v1/namespaces/n", "Namespace/n", None),
        (
            kinds.document("Service", "s", namespace="n"),
            "/api/v1/namespaces/n/services/s",
            "Service/n/s",
            "/api/v1/namespaces/n",
        ),
        (
            kinds.document("Deployment", "d", namespace="n"),
            "/apis/apps/v1/namespaces/n/deployments/d",
            "Deployment/n/d",
            "/api/v1/namespaces/n",
        ),
        (
            kinds.document("ClusterRole", "r"),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/r",
            "ClusterRole/r",
            None,
        ),
        (
            kinds.document("ClusterRoleBinding", "b", roleRef={"kind": "ClusterRole", "name": "r"}),
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/b",
            "ClusterRoleBinding/b",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/r",
        ),
        (
            kinds.document("ValidatingAdmissionPolicyBinding", "b", spec={"policyName": "p"}),
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/b",
            "ValidatingAdmissionPolicyBinding/b",
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/p",
        ),
    ],
)
def test_objects_have_a_path_and_a_title_and_some_need_others(document, path, title, required):
    assert kinds.path_of(document) == path and kinds.title_of(document) == title
    needed = kinds.required_by(document)
    assert (needed and kinds.path_of(needed)) == required
