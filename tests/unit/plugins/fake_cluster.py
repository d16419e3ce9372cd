# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""API servers by what they answer, in the words of a real kube-apiserver 1.37, for tests of the checks in a cluster."""

from __future__ import annotations

import base64
import copy
import datetime
import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import Call

ISSUER, OLD = "https://irsa-prod.s3.eu-west-1.amazonaws.com", "https://kubernetes.default.svc.cluster.local"
KEY = {"kty": "RSA", "kid": "one", "n": "AQAB", "e": "AQAB"}
OTHER_KEY = {"kty": "RSA", "kid": "two", "n": "AQAC", "e": "AQAB"}
ROLE = "arn:aws:iam::111122223333:role/cart"
LABEL = "irsa.selfhosted.example/inject"

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
POLICIES, BINDINGS = f"{ADMISSION}/mutatingadmissionpolicies", f"{ADMISSION}/mutatingadmissionpolicybindings"
WEBHOOKS = f"{ADMISSION}/mutatingwebhookconfigurations"
ENDPOINTS = "/api/v1/namespaces/default/endpoints/kubernetes"
MIRROR_PODS = "/api/v1/namespaces/kube-system/pods"
ACCOUNTS, SECRETS, REVIEWS = "/api/v1/serviceaccounts", "/api/v1/secrets", "/apis/authentication.k8s.io/v1/tokenreviews"
PODS = "/api/v1/namespaces/shop/pods"
TOKEN = "/api/v1/namespaces/default/serviceaccounts/default/token"
FLAGZ, DISCOVERY, JWKS = "/flagz", "/.well-known/openid-configuration", "/openid/v1/jwks"


class FakeServer:
    """An API server. ``answers`` are documents by path, functions of what was posted, or the status of a refusal;
    the text ``no answer`` stands for none.

    ``requests`` are those that arrived, and ``posted`` what was posted, by path. Its clock is ``ahead`` of ours.
    """

    def __init__(self, address: str, answers: dict[str, t.Any]) -> None:
        self.address = address
        self.answers = answers
        self.others: dict[str, FakeServer] = {}
        self.requests: list[str] = []
        self.posted: dict[str, t.Any] = {}
        self.ahead = datetime.timedelta()

    def at(self, address: str) -> FakeServer:
        return self.others[address]

    def get(self, path: str, query: t.Any = None, *, accept: str = "*/*") -> t.Any:
        return self._answer("GET", path)

    def time(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.timezone.utc) + self.ahead

    def get_text(self, path: str) -> str:
        return str(self._answer("GET", path))

    def find(self, path: str, query: t.Any = None) -> t.Any:
        return None if self.answers.get(path, 404) == 404 else self.get(path)

    def list_items(self, path: str, query: t.Any = None) -> list[t.Any]:
        return list(self._answer("GET", path))

    def post(self, path: str, body: t.Any, query: t.Any = None) -> t.Any:
        self.posted[path] = body
        return self._answer("POST", path, body)

    def _answer(self, method: str, path: str, body: t.Any = None) -> t.Any:
        self.requests.append(f"{method} {path}")
        answer = self.answers.get(path, 404)
        answer = answer(body) if callable(answer) else answer
        if isinstance(answer, tuple):
            status, message = answer
            said = json.dumps({"kind": "Status", "message": message}).encode()
            raise Call(self.address, method, path).refused(status, said, str)
        if answer == "no answer":
            raise Call(self.address, method, path).unanswered(TimeoutError())
        if isinstance(answer, int):
            raise Call(self.address, method, path).refused(answer, b"", str)
        return copy.deepcopy(answer)


def sound(address: str = "10.0.0.1:6443", **changes: t.Any) -> FakeServer:
    """A server without a fault: it signs for the issuer, our policies are active, and one account has a role.

    ``changes`` replace answers, by the names of this module in lower case.
    """
    answers = {
        DISCOVERY: {"issuer": ISSUER},
        JWKS: {"keys": [KEY]},
        FLAGZ: flagz(),
        ENDPOINTS: endpoints(address),
        MIRROR_PODS: [],
        ACCOUNTS: [account("default", namespace="default"), account("cart", ROLE, **{LABEL: "true"})],
        PODS: lambda body: [pod("cart-1", INJECTED)] if body is None else injected(body),
        ADMISSION: {"resources": [{"name": "mutatingadmissionpolicies"}]},
        BINDINGS: [{"spec": {"policyName": "irsa-inject"}}, {"spec": {"policyName": "irsa-label"}}],
        f"{POLICIES}/irsa-inject": {"spec": {"failurePolicy": "Fail"}},
        f"{POLICIES}/irsa-label": {"spec": {"failurePolicy": "Fail"}},
        WEBHOOKS: [],
        SECRETS: [],
        TOKEN: {"status": {"token": token(KEY["kid"])}},
        REVIEWS: review,
    }
    return FakeServer(address, {**answers, **{globals()[name.upper()]: value for name, value in changes.items()}})


def together(*servers: FakeServer) -> FakeServer:
    """The first of several API servers of one cluster, which names all of them."""
    first = servers[0]
    first.others = {server.address: server for server in servers}
    first.answers[ENDPOINTS] = endpoints(*first.others)
    return first


def endpoints(*addresses: str) -> dict[str, t.Any]:
    """The Endpoints ``kubernetes``, for addresses that have the same port."""
    hosts = [{"ip": address.rpartition(":")[0]} for address in addresses]
    return {"subsets": [{"addresses": hosts, "ports": [{"name": "https", "port": 6443}]}]}


def flagz(*issuers: str, audiences: str = "", signing_endpoint: str = "") -> dict[str, t.Any]:
    """The answer of /flagz, with the issuers of a sound server unless others are given."""
    return {
        "kind": "Flagz",
        "flags": {
            "service-account-issuer": f"[{','.join(issuers or (ISSUER, OLD))}]",
            "api-audiences": f"[{audiences}]",
            "service-account-signing-endpoint": signing_endpoint,
        },
    }


def mirror_pod(node: str, host: str, *arguments: str) -> dict[str, t.Any]:
    """The mirror pod of an API server that runs with these arguments besides others."""
    command = ["kube-apiserver", f"--advertise-address={host}", *arguments, "--secure-port", "6443"]
    return {
        "metadata": {"name": f"kube-apiserver-{node}", "annotations": {"kubernetes.io/config.mirror": "abc"}},
        "spec": {"nodeName": node, "containers": [{"name": "kube-apiserver", "command": command}]},
        "status": {"hostIP": host},
    }


def account(name: str, role_arn: str = "", *, namespace: str = "shop", **labels: str) -> dict[str, t.Any]:
    """A service account, with the annotation if it has a role."""
    annotations = {"eks.amazonaws.com/role-arn": role_arn} if role_arn else {}
    return {"metadata": {"namespace": namespace, "name": name, "annotations": annotations, "labels": labels}}


INJECTED = [
    {"name": "AWS_ROLE_ARN", "value": ROLE},
    {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"},
]


def pod(name: str, env: t.Sequence[t.Any] = (), created: str = "2026-11-26T02:00:00Z") -> dict[str, t.Any]:
    """A running pod of the account ``shop/cart``."""
    return {
        "metadata": {"namespace": "shop", "name": name, "creationTimestamp": created},
        "spec": {"serviceAccountName": "cart", "containers": [{"name": "main", "env": list(env)}]},
        "status": {"phase": "Running"},
    }


def injected(body: dict[str, t.Any], role_arn: str = ROLE) -> dict[str, t.Any]:
    """A pod that was posted, as admission returns it."""
    admitted = copy.deepcopy(body)
    admitted["spec"]["containers"][0]["env"] = [{"name": "AWS_ROLE_ARN", "value": role_arn}, INJECTED[1]]
    admitted["spec"]["volumes"] = [{"name": "aws-iam-token"}]
    return admitted


def token(kid: str) -> str:
    """A token that no one could use, with a header as kube-apiserver writes it."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": kid}).encode()).decode().rstrip("=")
    return f"{header}.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


def review(body: dict[str, t.Any]) -> dict[str, t.Any]:
    """A review that accepts every token."""
    return {"status": {"authenticated": True}}


def refusal(body: dict[str, t.Any]) -> dict[str, t.Any]:
    """A review that accepts none, in the words of kube-apiserver."""
    return {"status": {"user": {}, "error": "[invalid bearer token, service account token has been invalidated]"}}


def secret(name: str, kid: str) -> dict[str, t.Any]:
    """A Secret with a token."""
    encoded = base64.b64encode(token(kid).encode()).decode()
    return {"metadata": {"namespace": "shop", "name": name}, "data": {"token": encoded}}
