# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster with the service account shop/cart, as its API server returns it."""

from __future__ import annotations

ROLE, AUDIENCE = "eks.amazonaws.com/role-arn", "eks.amazonaws.com/audience"
NAMESPACE = "/api/v1/namespaces/shop"
PATH = f"{NAMESPACE}/serviceaccounts/cart"


class Api:
    """Objects by their paths, and the rights that the user lacks."""

    def __init__(self, objects=None, denied=()):
        self.objects = {NAMESPACE: {}} if objects is None else {NAMESPACE: {}, **objects}
        self.denied = denied

    def find(self, path):
        return self.objects.get(path)

    def post(self, path, body):
        assert path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        asked = body["spec"]["resourceAttributes"]
        return {"status": {"allowed": (asked["verb"], asked["resource"]) not in self.denied}}


def present(annotations, *owners):
    """A service account whose annotations were all set by each of the owners."""
    fields = {"f:metadata": {"f:annotations": {".": {}, **{f"f:{key}": {} for key in annotations}}}}
    managed = [
        {"manager": name, "operation": "Apply" if name == "selfhosted.irsa" else "Update", "fieldsV1": fields}
        for name in owners
    ]
    metadata = {"name": "cart", "namespace": "shop", "annotations": annotations, "managedFields": managed}
    return {PATH: {"metadata": metadata}}
