# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which webhooks are the EKS pod identity webhook: ours, and those of others.

https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/deploy/mutatingwebhook.yaml
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import items_at, text_at

# The names of the webhook in its own manifests, in charts and at EKS: pod-identity-webhook.amazonaws.com and
# iam-for-pods.amazonaws.com.
_NAME = re.compile(r"pod-identity|iam-for-pods", re.IGNORECASE)


def webhooks_of(configuration: t.Any) -> list[t.Any]:
    """Return those webhooks of a MutatingWebhookConfiguration that give new pods credentials."""
    return [
        each for each in items_at(configuration, "webhooks") if _is_for_pods(each) and _is_of_eks(configuration, each)
    ]


def _is_for_pods(webhook: t.Any) -> bool:
    return any(
        {"pods", "*"} & set(map(str, items_at(rule, "resources")))
        and {"CREATE", "*"} & set(map(str, items_at(rule, "operations")))
        for rule in items_at(webhook, "rules")
    )


def _is_of_eks(configuration: t.Any, webhook: t.Any) -> bool:
    """Whether a webhook is the EKS pod identity webhook, by its names and by the label that opts pods out."""
    known = (
        text_at(webhook, "name"),
        text_at(configuration, "metadata", "name"),
        text_at(webhook, "clientConfig", "service", "name"),
    )
    keys = {text_at(each, "key") for each in items_at(webhook, "objectSelector", "matchExpressions")}
    return names.SKIP_POD in keys or any(map(_NAME.search, known))
