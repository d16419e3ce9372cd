# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster in memory: what its API servers make of policies, a webhook, service accounts and pods, as far as
injection goes.
"""

from __future__ import annotations

import base64
import copy
import datetime
import itertools
import json
import typing as t

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.pod_identity import pod_identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed

GROUP = "/apis/admissionregistration.k8s.io/v1"
LABEL = "irsa.selfhosted.example/inject"
ROLE = "eks.amazonaws.com/role-arn"
ONLY = "irsa.selfhosted.example/only"
NAME = "irsa-pod-identity-webhook"
CONFIGURATION = f"{GROUP}/mutatingwebhookconfigurations/{NAME}"
INJECT = f"{GROUP}/mutatingadmissionpolicies/irsa-inject"
NOW = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.timezone.utc)
# The kinds that a namespace may hold, as discovery has them.
NAMESPACED = {
    "/api/v1": ("configmaps", "endpoints", "events", "pods", "secrets", "serviceaccounts", "services"),
    "/apis/apps/v1": ("deployments", "replicasets"),
    "/apis/policy/v1": ("poddisruptionbudgets",),
}


def refused(status: int | None, cause: str = "it says no") -> RequestFailed:
    return RequestFailed(f"A request failed: {cause}.", cause=cause, status=status)


class Cluster:
    """The objects by their paths, the writes in order, and how the servers differ from well-behaved ones.

    ``lag`` is how many questions a server answers as before, after a policy was written. ``fails`` are errors for the
    next requests of a method whose path contains a text. ``after`` is called after each write that is no dry run.
    ``sidecar`` is a container that another webhook puts first into each pod. ``day`` is of November 2026, and passes
    only when a test sets it. ``now`` is the servers' time. ``pods_start`` is whether those of a Deployment do. Pods in
    ``cut_off`` cannot reach an API server.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.objects: dict[str, t.Any] = {}
        self.writes: list[str] = []
        self.requests: list[str] = []
        self.denied: set[tuple[str, str]] = set()
        self.fails: list[tuple[str, str, RequestFailed]] = []
        self.lag = 0
        self.broken = False
        self.sidecar: dict[str, t.Any] | None = None
        self.day = 1
        self.now = NOW
        self.pods_start = True
        self.cut_off: set[str] = set()
        self.after: t.Callable[[str], None] = lambda write: None
        self._versions = itertools.count(1)
        self._waiting: dict[str, int] = {}

    def add_account(self, name: str, *, namespace: str = "app", role: bool = True, label: str | None = None) -> None:
        metadata: dict[str, t.Any] = {"namespace": namespace, "name": name}
        if role:
            metadata["annotations"] = {ROLE: "arn:aws:iam::123456789012:role/app"}
        if label:
            metadata["labels"] = {LABEL: label}
        self.objects[f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"] = {"metadata": metadata}

    def names(self, plural: str) -> list[str]:
        return [path.rpartition("/")[2] for path in self.objects if f"/{plural}/" in path]

    def answer(self, method: str, path: str) -> None:
        """Fail as told."""
        self.requests.append(f"{method} {path}")
        for each in self.fails:
            if each[0] == method and each[1] in path:
                self.fails.remove(each)
                raise each[2]

    def written(self, method: str, path: str) -> None:
        self.writes.append(f"{method} {path}")
        if path.startswith(GROUP):
            self._waiting[path.rpartition("/")[2]] = self.lag
        self.after(path)

    def follows(self, policy: str) -> bool:
        """Whether an API server acts by a policy by now."""
        if self._waiting.get(policy):
            self._waiting[policy] -= 1
            return False
        return f"{GROUP}/mutatingadmissionpolicybindings/{policy}" in self.objects

    def asks_webhook(self) -> bool:
        """Whether API servers ask a webhook by now that runs and whose certificate they trust."""
        if self._waiting.get(NAME):
            self._waiting[NAME] -= 1
            return False
        configuration = self.objects.get(CONFIGURATION)
        if configuration is None or not self.pods_start:
            return False
        client = configuration["webhooks"][0]["clientConfig"]
        namespace = client["service"]["namespace"]
        deployment = self.objects.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{NAME}")
        if deployment is None:
            return False
        [volume] = deployment["spec"]["template"]["spec"]["volumes"]
        served = self.objects.get(f"/api/v1/namespaces/{namespace}/secrets/{volume['secret']['secretName']}")
        return served is not None and is_trusted(served["data"]["tls.crt"], client["caBundle"])

    def lets_policy_inject(self, labels: dict[str, str]) -> bool:
        """Whether the policy looks at a pod with these labels."""
        selectors = self.objects[INJECT]["spec"]["matchConstraints"]["objectSelector"]["matchExpressions"]
        return not any(each["key"] == ONLY and labels.get(ONLY) in each.get("values", ()) for each in selectors)

    def follow_at_once(self) -> None:
        """Let the servers act by all policies that were written, and by those that are from now on."""
        self.lag = 0
        self._waiting.clear()

    def version(self) -> str:
        return str(next(self._versions))


class Server:
    """One API server, with the methods of ApiServer."""

    def __init__(self, cluster: Cluster, address: str = "10.0.0.1:6443") -> None:
        self.cluster = cluster
        self.address = address
        self.others: list[Server] = []
        self.serves = True
        self.minor = "37"
        self.unreachable = False

    def time(self) -> datetime.datetime:
        return self.cluster.now

    def find(self, path: str) -> t.Any:
        if self.unreachable:
            raise refused(None, "no answer in time")
        self.cluster.answer("GET", path)
        if path == GROUP:
            kinds = ["mutatingadmissionpolicies"] if self.serves else []
            kinds += ["validatingadmissionpolicies"] if int(self.minor) >= 30 else []
            return {"resources": [{"name": kind} for kind in kinds]}
        if path == "/version":
            return {"major": "1", "minor": self.minor}
        if path == "/apis":
            groups = [each.removeprefix("/apis/") for each in NAMESPACED if each.startswith("/apis/")]
            return {"groups": [{"preferredVersion": {"groupVersion": group}} for group in groups]}
        found = copy.deepcopy(self.cluster.objects.get(path))
        if found is not None and "/deployments/" in path:
            found["status"] = self._status_of(found)
        return found

    def get(self, path: str) -> t.Any:
        self.cluster.answer("GET", path)
        return {"resources": [{"name": each, "namespaced": True, "verbs": ["list"]} for each in NAMESPACED[path]]}

    def _status_of(self, deployment: t.Any) -> t.Any:
        pods = deployment["spec"]["replicas"]
        available = pods if self.cluster.pods_start else 0
        return {"observedGeneration": 1, "replicas": pods, "updatedReplicas": pods, "availableReplicas": available}

    def list_items(self, path: str, query: t.Any = None) -> list[t.Any]:
        self.cluster.answer("GET", path)
        plural = path.rpartition("/")[2]
        under = f"{path}/" if "/namespaces/" in path else f"/{plural}/"
        found = [copy.deepcopy(value) for name, value in self.cluster.objects.items() if under in name]
        name, dummy, value = (query or {}).get("labelSelector", "").partition("=")
        return [each for each in found if not name or (each["metadata"].get("labels") or {}).get(name) == value]

    def patch(self, path: str, body: t.Any, query: t.Any, *, media_type: str = "merge") -> t.Any:
        self.cluster.answer("PATCH", path)
        present = self.cluster.objects.get(path)
        changed = copy.deepcopy(present or {"metadata": {"uid": self.cluster.version()}})
        if "apply" in media_type:
            # An annotation that is no longer applied goes.
            changed["metadata"].pop("annotations", None)
            changed = {**copy.deepcopy(body), "metadata": {**changed["metadata"], **body["metadata"]}}
            if path.startswith(GROUP) and "spec" in body:
                changed["spec"].setdefault("matchPolicy", "Equivalent")
            changed["metadata"]["generation"] = 1
        elif present is None:
            raise refused(404)
        else:
            changed["metadata"].setdefault("labels", {}).update(body["metadata"]["labels"])
        self._require_namespace(path)
        if query.get("dryRun") == "All":
            if "policybindings/" in path and not self._has_policy(body):
                raise refused(422, "the user must be able to read everything")
            # As the API server does, though nothing has changed.
            changed["metadata"]["managedFields"] = [{"time": self.cluster.version()}]
            return changed
        changed["metadata"]["resourceVersion"] = self.cluster.version()
        self.cluster.objects[path] = changed
        self.cluster.written("PATCH", path)
        return changed

    def _require_namespace(self, path: str) -> None:
        """Refuse what is to be in a namespace of the webhook that does not exist."""
        name, slash, _rest = path.partition("/namespaces/")[2].partition("/")
        if slash and name.startswith("irsa-") and f"/api/v1/namespaces/{name}" not in self.cluster.objects:
            raise refused(404, f"namespace {name} not found")

    def _has_policy(self, binding: t.Any) -> bool:
        plural = "mutatingadmissionpolicies" if "Mutating" in binding["kind"] else "validatingadmissionpolicies"
        return f"{GROUP}/{plural}/{binding['spec']['policyName']}" in self.cluster.objects

    def delete(self, path: str) -> t.Any:
        self.cluster.answer("DELETE", path)
        if self.cluster.objects.pop(path, None) is None:
            raise refused(404)
        if path.startswith("/api/v1/namespaces/") and path.count("/") == 4:
            for inner in [each for each in self.cluster.objects if f"/namespaces/{path.rpartition('/')[2]}/" in each]:
                del self.cluster.objects[inner]
        self.cluster.written("DELETE", path)
        return {"kind": "Status"}

    def post(self, path: str, body: t.Any, query: t.Any = None) -> t.Any:
        self.cluster.answer("POST", path)
        if path.endswith("selfsubjectaccessreviews"):
            asked = body["spec"]["resourceAttributes"]
            return {"status": {"allowed": (asked["verb"], asked["resource"]) not in self.cluster.denied}}
        if "/proxy/" in path:
            return self._reviewed(path.split("/")[6].split(":")[1], body)
        made = copy.deepcopy(body)
        made["metadata"].update(
            name=f"{made['metadata']['generateName']}{self.cluster.version()}",
            namespace=path.split("/")[4],
            creationTimestamp=f"2026-11-{self.cluster.day:02}T12:00:00Z",
        )
        is_dry_run = (query or {}).get("dryRun") == "All"
        if path.endswith("/pods"):
            assert is_dry_run
            return self._pod(made)
        if made["metadata"]["annotations"].get(ROLE) and self.cluster.follows("irsa-label"):
            made["metadata"].setdefault("labels", {})[LABEL] = "true"
        if not is_dry_run:
            self.cluster.objects[f"{path}/{made['metadata']['name']}"] = made
            self.cluster.written("POST", path)
        return made

    def _reviewed(self, pod: str, review: t.Any) -> t.Any:
        request = review["request"]
        account = request["object"]["spec"]["serviceAccountName"]
        path = f"/api/v1/namespaces/{request['namespace']}/serviceaccounts/{account}"
        role = self.cluster.objects[path]["metadata"]["annotations"][ROLE]
        patch = json.dumps([{"op": "add", "path": "/spec/containers/0/env", "value": role}])
        patched = {} if pod in self.cluster.cut_off else {"patch": base64.b64encode(patch.encode()).decode()}
        return {"response": {"allowed": True, **patched}}

    def _pod(self, pod: t.Any) -> t.Any:
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/serviceaccounts/{pod['spec']['serviceAccountName']}"
        account = self.cluster.objects[path]["metadata"]
        labels = pod["metadata"].get("labels") or {}
        is_labelled = (account.get("labels") or {}).get(LABEL) == "true"
        by_policy = is_labelled and self.cluster.follows("irsa-inject") and self.cluster.lets_policy_inject(labels)
        by_webhook = labels.get(ONLY) != "policy" and self.cluster.asks_webhook()
        if (by_policy or by_webhook) and not self.cluster.broken:
            got = pod_identity(account["annotations"][ROLE], self.cluster.settings)
            pod["spec"]["volumes"] = got["volumes"]
            pod["spec"]["containers"][0].update(env=got["env"], volumeMounts=got["volumeMounts"])
        if self.cluster.sidecar:
            pod["spec"]["containers"].insert(0, self.cluster.sidecar)
        return pod


def is_trusted(certificate: str, bundle: str) -> bool:
    """Whether a CA in a bundle has issued a certificate, both in Base64 of PEM."""
    leaf = x509.load_pem_x509_certificate(base64.b64decode(certificate))
    return any(_has_issued(each, leaf) for each in x509.load_pem_x509_certificates(base64.b64decode(bundle)))


def _has_issued(authority: x509.Certificate, leaf: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (ValueError, InvalidSignature):
        return False
    return True
