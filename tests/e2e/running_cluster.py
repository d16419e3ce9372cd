# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster that the environment names and that runs pods, asked with the kubernetes library and its kubeconfig."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import kubernetes
import yaml

from endpoint import setting

AUDIENCE = "sts.amazonaws.com"
_CA_NAME = "e2e-ca"
_CA_FOLDER = "/e2e-ca"
_PATIENCE = 180

# What a pod's container prints: what it got of each object, or why not.
_SCRIPT = """
import json, sys, boto3
s3 = boto3.client("s3")
def got(key):
    try:
        return s3.get_object(Bucket=sys.argv[1], Key=key)["Body"].read().decode()
    except Exception as error:
        return getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
print(json.dumps({key: got(key) for key in sys.argv[2:]}))
"""


class RunningCluster:
    """The cluster of IRSA_E2E_NODES_KUBECONFIG, whose servers are in the inventory IRSA_E2E_NODES_INVENTORY."""

    def __init__(self) -> None:
        self.inventory = Path(setting("IRSA_E2E_NODES_INVENTORY", "an inventory of a cluster's control-plane nodes"))
        self.kubeconfig = setting("IRSA_E2E_NODES_KUBECONFIG", "a kubeconfig of that cluster's administrator")
        client = kubernetes.config.new_client_from_config(self.kubeconfig)
        self.core = kubernetes.client.CoreV1Api(client)
        self._rest = client

    def get(self, path: str) -> Any:
        """A JSON document of the API server."""
        answer = self._rest.call_api(path, "GET", auth_settings=["BearerToken"], _preload_content=False)
        return json.loads(answer[0].data if isinstance(answer, tuple) else answer.data)

    def token(self, namespace: str, service_account: str, audience: str = AUDIENCE) -> str:
        """A token for a service account, by the TokenRequest API, as the kubelet asks for one."""
        spec = {"audiences": [audience], "expirationSeconds": 3600}
        answer = self.core.create_namespaced_service_account_token(service_account, namespace, {"spec": spec})
        return str(answer.status.token)

    def is_known(self, token: str) -> bool:
        """Whether the API server accepts a token as a login, as a TokenReview says."""
        review = kubernetes.client.V1TokenReview(spec={"token": token})
        answer = kubernetes.client.AuthenticationV1Api(self._rest).create_token_review(review)
        return bool(answer.status.authenticated)

    def ensure_account(self, namespace: str, name: str) -> None:
        """Create a service account without any annotation, unless it exists."""
        for create, arguments in (
            (self.core.create_namespace, ({"metadata": {"name": namespace}},)),
            (self.core.create_namespaced_service_account, (namespace, {"metadata": {"name": name}})),
        ):
            try:
                create(*arguments)
            except kubernetes.client.ApiException as error:
                if error.status != 409:
                    raise

    def delete_namespace(self, namespace: str) -> None:
        try:
            self.core.delete_namespace(namespace)
        except kubernetes.client.ApiException as error:
            if error.status != 404:
                raise

    def objects_read_by_a_pod(self, namespace: str, service_account: str, *, bucket: str, keys: list[str]) -> Any:
        """What a pod reads of a bucket's objects with boto3. Nothing in its spec but the account is about roles."""
        name = f"reads-as-{service_account}"
        self._delete_pod(namespace, name)
        self.core.create_namespaced_pod(
            namespace, self._pod(namespace, service_account, name=name, arguments=[bucket, *keys])
        )
        pod = self._ended(namespace, name)
        log = self.core.read_namespaced_pod_log(name, namespace, _preload_content=False).data.decode()
        assert pod.status.phase == "Succeeded", log
        return json.loads(log.splitlines()[-1])

    def _pod(self, namespace: str, service_account: str, *, name: str, arguments: list[str]) -> dict[str, Any]:
        spec = yaml.safe_load(
            Path(setting("IRSA_E2E_POD_SPEC", "a file with the spec of a pod that has boto3")).read_text("utf-8")
        )
        (container,) = spec["containers"]
        container["command"] = ["python3", "-c", _SCRIPT, *arguments]
        # A store that is not AWS has a name and a CA of its own.
        environment = container.setdefault("env", [])
        if url := os.environ.get("AWS_ENDPOINT_URL"):
            environment.append({"name": "AWS_ENDPOINT_URL", "value": url})
        if ca_path := os.environ.get("AWS_CA_BUNDLE"):
            self._ensure_ca(namespace, Path(ca_path))
            environment.append({"name": "AWS_CA_BUNDLE", "value": f"{_CA_FOLDER}/ca.pem"})
            container.setdefault("volumeMounts", []).append({"name": _CA_NAME, "mountPath": _CA_FOLDER})
            spec.setdefault("volumes", []).append({"name": _CA_NAME, "configMap": {"name": _CA_NAME}})
        return {
            "metadata": {"name": name},
            "spec": {**spec, "serviceAccountName": service_account, "restartPolicy": "Never"},
        }

    def _ensure_ca(self, namespace: str, ca_path: Path) -> None:
        body = {"metadata": {"name": _CA_NAME}, "data": {"ca.pem": ca_path.read_text(encoding="utf-8")}}
        try:
            self.core.create_namespaced_config_map(namespace, body)
        except kubernetes.client.ApiException as error:
            if error.status != 409:
                raise

    def _delete_pod(self, namespace: str, name: str) -> None:
        try:
            self.core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)
        except kubernetes.client.ApiException as error:
            if error.status != 404:
                raise
            return
        self._watch(namespace, name, lambda event: event["type"] == "DELETED")

    def _ended(self, namespace: str, name: str) -> Any:
        ended = ("Succeeded", "Failed")
        return self._watch(namespace, name, lambda event: event["object"].status.phase in ended)["object"]

    def _watch(self, namespace: str, name: str, is_over: Any) -> Any:
        watch = kubernetes.watch.Watch()
        events = watch.stream(
            self.core.list_namespaced_pod,
            namespace,
            field_selector=f"metadata.name={name}",
            timeout_seconds=_PATIENCE,
        )
        for event in events:
            if is_over(event):
                watch.stop()
                return event
        raise AssertionError(f"the pod {namespace}/{name} is not there within {_PATIENCE} seconds, or does not end")
