# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of kubectl for a cluster in memory. Also runs under Python 3.9."""

from __future__ import annotations

import base64
import hashlib
import json

from ansible_collections.selfhosted.irsa.plugins.module_utils._node.tools import Ended

OLD = "https://kubernetes.default.svc.cluster.local"
NEW = "https://irsa.example.com"
SIGNATURE = "c2lnbmF0dXJlLW9mLWEtdG9rZW4"


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def annotations_in(words):
    """The annotations among the words of a manifest, which has flags besides."""
    return dict(word.split("=", 1) for word in words if not word.startswith("--"))


class Server:
    """One API server, which runs with the arguments and annotations that its manifest had at the last restart."""

    def __init__(self, number, issuers=(OLD,)):
        self.node = f"node{number}"
        self.address = f"192.0.2.1{number}:6443"
        self.url = f"https://{self.address}"
        self.kid = "kid-of-the-cluster"
        self.up = True
        self.run_manager_with(["--service-account-private-key-file=/etc/kubernetes/pki/sa.key"])
        self.run_with([f"--service-account-issuer={issuer}" for issuer in issuers])

    def run_with(self, words):
        self.command = ["kube-apiserver", *(word for word in words if word.startswith("--"))]
        self.annotations = annotations_in(words)
        self.ready = True

    def run_manager_with(self, words, ready=True):
        self.manager = ["kube-controller-manager", *(word for word in words if word.startswith("--"))]
        self.manager_annotations, self.manager_ready = annotations_in(words), ready

    @property
    def issuers(self):
        prefix = "--service-account-issuer="
        return [flag[len(prefix) :] for flag in self.command if flag.startswith(prefix)]

    def mint(self):
        claims = {"iss": self.issuers[0], "aud": self.issuers, "exp": 1800000000, "sub": "system:serviceaccount:x:y"}
        return f"{encoded({'alg': 'RS256', 'kid': self.kid})}.{encoded(claims)}.{SIGNATURE}"

    def review(self, token):
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        if claims["iss"] in self.issuers:
            return {"authenticated": True}
        return {"error": f"[invalid bearer token, {token}]"}

    def pod(self):
        return self.mirror("kube-apiserver", self.command, self.ready, own=self.annotations)

    def manager_pod(self):
        annotations = self.manager_annotations
        return self.mirror("kube-controller-manager", self.manager, self.manager_ready, own=annotations)

    def mirror(self, component, command, ready, *, own=()):
        digest = hashlib.sha256(json.dumps([command, dict(own)]).encode()).hexdigest()[:32]
        annotations = {
            **dict(own),
            "kubernetes.io/config.mirror": digest,
            "kubernetes.io/config.hash": digest,
        }
        if component == "kube-apiserver":
            annotations["kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"] = self.address
        state = {
            "name": component,
            "ready": ready,
            "state": {"running": {"startedAt": "2026-11-26T03:36:35Z"}} if ready else {"waiting": {}},
        }
        return {
            "metadata": {"name": f"{component}-{self.node}", "annotations": annotations},
            "spec": {"nodeName": self.node, "containers": [{"name": component, "command": command}]},
            "status": {"hostIPs": [{"ip": self.address.partition(":")[0]}], "containerStatuses": [state]},
        }


class FakeCluster:
    """Stands in for tools.run: takes kubectl's command, and answers as the API servers would.

    ``on_request`` is called with the path before each answer. ``requests`` has all of them, with their body. The next
    ``unready`` answers of /readyz are failures. ``configuration`` is kubeadm's, None for a cluster without it. Without
    ``has_pods``, the API servers are no static pods; with ``tells_flags``, they tell their flags; without
    ``has_leases``, they have no leases. ``answers`` are functions of verb, query and body, by their path.
    """

    def __init__(self, count=1):
        self.servers = [Server(number) for number in range(1, count + 1)]
        self.configuration = "apiServer: {}\n"
        self.version = 7
        self.requests = []
        self.on_request = lambda path: None
        self.unready = 0
        self.has_pods, self.tells_flags, self.has_leases = True, False, True
        self.answers = {}

    def __call__(self, command, *, stdin=b"", seconds):
        options = dict(part.lstrip("-").split("=", 1) for part in command if part.startswith("--") and "=" in part)
        verb, path = command[command.index("--raw") - 1], command[command.index("--raw") + 1]
        body = json.loads(stdin) if stdin else None
        self.requests.append((verb, path, body))
        self.on_request(path)
        url = options.get("server")
        server = next((each for each in self.servers if url in (None, each.url) and each.up), None)
        if server is None:
            return Ended(1, b"", f"The connection to the server {url} was refused")
        answer = self._answer(server, verb, path=path, body=body)
        if isinstance(answer, Ended):
            return answer
        return Ended(0, answer.encode() if isinstance(answer, str) else json.dumps(answer).encode(), "")

    def _answer(self, server, verb, *, path, body):
        fixed = {
            "/readyz": self._readiness,
            "/.well-known/openid-configuration": lambda: {"issuer": server.issuers[0]},
            "/openid/v1/jwks": lambda: {"keys": [{"kid": server.kid, "kty": "RSA"}]},
            "/api/v1/namespaces/kube-system/pods": lambda: {"items": self._pods(selector)},
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices": self._slices,
            "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases": self._leases,
            "/api/v1/secrets": lambda: {"items": [{"data": {"token": SIGNATURE}}]},
            "/api/v1/namespaces/default/serviceaccounts/default/token": lambda: {"status": {"token": server.mint()}},
        }
        path, _mark, selector = path.partition("?")
        if path in self.answers:
            return self.answers[path](verb, selector, body)
        if path == "/flagz" and self.tells_flags:
            return flagz(server.command)
        if path in fixed:
            return fixed[path]()
        if path == "/apis/authentication.k8s.io/v1/tokenreviews":
            return {"status": server.review(body["spec"]["token"])}
        if path == "/api/v1/namespaces/kube-system/configmaps/kubeadm-config":
            return self._replaced(body) if verb == "replace" else self._config_map()
        return Ended(1, b"", "Error from server (NotFound): the server could not find the requested resource")

    def _readiness(self):
        if not self.unready:
            return "ok"
        self.unready -= 1
        return Ended(1, b"", "Error from server (InternalError): poststarthook/rbac/bootstrap-roles failed")

    def _pods(self, selector):
        if "kube-controller-manager" in selector:
            return [each.manager_pod() for each in self.servers]
        return [each.pod() for each in self.servers] if self.has_pods else []

    def _leases(self):
        return {"items": [{"metadata": {"name": f"apiserver-{each.node}"}} for each in self.servers if self.has_leases]}

    def _slices(self):
        endpoints = [{"addresses": [each.address.split(":")[0]]} for each in self.servers]
        return {"items": [{"addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "https", "port": 6443}]}]}

    def _config_map(self):
        if self.configuration is None:
            return Ended(1, b"", 'Error from server (NotFound): configmaps "kubeadm-config" not found')
        return {
            "metadata": {"name": "kubeadm-config", "resourceVersion": str(self.version)},
            "data": {"ClusterConfiguration": self.configuration},
        }

    def _replaced(self, body):
        if body["metadata"]["resourceVersion"] != str(self.version):
            return Ended(1, b"", "Error from server (Conflict): the object has been modified")
        self.configuration = body["data"]["ClusterConfiguration"]
        self.version += 1
        return self._config_map()


def flagz(command):
    """The flags as kube-apiserver 1.37 tells them, of which two are lists."""
    values = {}
    for flag in command[1:]:
        name, _mark, value = flag[2:].partition("=")
        values.setdefault(name, []).append(value)
    lists = ("service-account-issuer", "service-account-key-file", "api-audiences")
    texts = {name: f"[{','.join(each)}]" if name in lists else each[-1] for name, each in values.items()}
    lines = [f"{name}={text}" for name, text in texts.items()]
    return "\n".join(
        ["kube-apiserver flagz", "Warning: This endpoint is not meant to be machine parseable", "", *lines]
    )
