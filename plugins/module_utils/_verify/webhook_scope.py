# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pods a webhook that fails closed keeps from being created, as far as its selectors show."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, items_at, text_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_reading import Webhook

# Every namespace has it: https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name
_NAME = "kubernetes.io/metadata.name"
SYSTEM = "kube-system"


def held_back(webhook: Webhook, pod_labels: t.Any) -> list[str]:
    """Return the namespaces without whose pods a cluster cannot mend itself, and whose new pods wait for the webhook:
    its own, and that of the system. ``pod_labels`` are those of its own pods; None if they are unknown.

    A selector on labels that are unknown here may leave them out, so it counts as if it did.
    """
    if webhook.failure_policy != "Fail" or webhook.has_conditions:
        return []
    own = "" if webhook.service is None else webhook.service.namespace
    found = [own] if own and _selects(webhook, own, pod_labels) else []
    return found + ([SYSTEM] if own != SYSTEM and _selects(webhook, SYSTEM, None) else [])


def _selects(webhook: Webhook, namespace: str, pod_labels: t.Any) -> bool:
    return _matches(webhook.namespace_selector, {_NAME: namespace}, {_NAME}) and _matches(
        webhook.object_selector, pod_labels if isinstance(pod_labels, dict) else {}, set()
    )


def _matches(selector: t.Any, labels: t.Mapping[str, t.Any], known: t.Collection[str]) -> bool:
    """Whether a selector surely matches an object with these labels and perhaps others. Of ``known`` keys it is known
    whether the object has them.
    """
    expected = at(selector, "matchLabels")
    by_label = isinstance(expected, dict) and any(labels.get(key) != value for key, value in expected.items())
    return not by_label and all(_fits(each, labels, known) for each in items_at(selector, "matchExpressions"))


def _fits(expression: t.Any, labels: t.Mapping[str, t.Any], known: t.Collection[str]) -> bool:
    """Whether an expression surely fits. That an object lacks a label by which it opts out is what is usual."""
    key, operator, values = text_at(expression, "key"), text_at(expression, "operator"), items_at(expression, "values")
    if operator in ("In", "Exists"):
        return key in labels and (operator == "Exists" or labels[key] in values)
    is_opting_out = key not in labels and (key in known or operator == "DoesNotExist")
    return is_opting_out or (operator == "NotIn" and labels.get(key) not in values)
