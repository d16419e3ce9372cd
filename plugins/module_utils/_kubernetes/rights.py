# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user of a kubeconfig may do, asked before anything is written.

https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Right(t.NamedTuple):
    """A verb on a resource, or on a subresource such as pods/proxy, in one namespace or, without one, in all."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}" + (f" in namespace {self.namespace}" if self.namespace else "")


def missing_rights(api: ApiServer, rights: t.Iterable[Right]) -> list[Right]:
    """Return the rights that the user of the kubeconfig lacks. Raises RequestFailed."""
    return [right for right in rights if not _is_allowed(api, right)]


def _is_allowed(api: ApiServer, right: Right) -> bool:
    resource, dummy, subresource = right.resource.partition("/")
    parts = {**right._asdict(), "resource": resource, "subresource": subresource}
    attributes = {name: value for name, value in parts.items() if value}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(api.post(_PATH, review)["status"]["allowed"])
