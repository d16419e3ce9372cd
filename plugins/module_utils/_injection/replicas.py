# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each pod of the webhook gives credentials, asked one by one through an API server.

A pod of the webhook is healthy as soon as it listens, even if it cannot reach an API server and so knows no service
account. API servers keep their connection to one pod, so a pod that is made as a dry run need not meet the broken one:
https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/main.go
"""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_documents import NAME, SELECTOR
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import commands, dry_runs, names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, text_at

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


class Replicas:
    """The pods of the webhook that take reviews, asked through one API server."""

    def __init__(self, api: ApiServer, webhook: WebhookSettings) -> None:
        self._api = api
        self._webhook = webhook
        self._folder = f"/api/v1/namespaces/{webhook.namespace}/pods"

    def lack(self, namespace: str, account: str) -> str | None:
        """Return which pod gives a pod of this service account no credentials, and what to do; None if all do."""
        try:
            pods = self._api.list_items(self._folder, {"labelSelector": SELECTOR})
        except RequestFailed as failure:
            return f"The pods of webhook {NAME} could not be listed: {failure.cause}."
        review = _review(namespace, account)
        staying = (pod for pod in pods if at(pod, "metadata", "deletionTimestamp") is None)
        return next(filter(None, (self._failure(pod, review) for pod in staying)), None)

    def _failure(self, pod: t.Any, review: t.Any) -> str | None:
        name, node = text_at(pod, "metadata", "name"), quoted(text_at(pod, "spec", "nodeName"))
        problem = self._problem(name, review)
        if problem is None:
            return None
        log = commands.kubectl(self._webhook.namespace, "logs", name)
        return (
            f"Pod {name} of webhook {NAME}, on node {node}, {problem}. A pod that cannot reach an API server counts as "
            f"ready all the same. To see whether that is so, look for errors in its log: {log}. If pods on that node "
            "cannot reach Services, repair kube-proxy or the network there, then run again."
        )

    def _problem(self, pod: str, review: t.Any) -> str | None:
        try:
            answer = self._api.post(f"{self._folder}/https:{pod}:{self._webhook.port}/proxy/mutate", review)
        except RequestFailed as failure:
            return f"does not answer a review: {failure.cause}"
        return None if names.PROOF_ROLE in _patch(answer) else "answers, but gives a pod no credentials"


def _review(namespace: str, account: str) -> dict[str, t.Any]:
    """Return what an API server asks the webhook about a new pod of a service account with a role.

    https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request
    """
    request = {
        "uid": "00000000-0000-0000-0000-000000000000",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": namespace,
        "operation": "CREATE",
        "object": dry_runs.pod(account),
    }
    # The version that every build of the webhook answers.
    return {"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "request": request}


def _patch(answer: t.Any) -> str:
    """Return the patch in an answer; empty if there is none."""
    try:
        return base64.b64decode(text_at(answer, "response", "patch")).decode("utf-8", "replace")
    except ValueError:
        return ""
