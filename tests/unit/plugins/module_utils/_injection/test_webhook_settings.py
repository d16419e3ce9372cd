# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for what can be set about the webhook."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import (
    WebhookSettings,
    problems,
)

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"namespace": "aws-identity"},
        {"registry": "registry.example.com:5000/mirror/ecr"},
        {"registry": "localhost:5000"},
        {"registry": "[2001:db8::1]:5000"},
        {"image": "webhook"},
        {"image": "a/b_c/d--e.f"},
        {"tag": "latest"},
        {"tag": "_1.2-rc.3"},
        {"digest": DIGEST},
        {"pull_secrets": ("registry.example.com", "other")},
        {"replicas": 1},
        {"port": 1024},
        {"port": 65535},
        {"excluded_namespaces": ("kube-system", "monitoring")},
        {"certificate_days": 3650},
    ],
)
def test_what_kubernetes_and_registries_accept_has_no_problem(good):
    assert list(problems(WebhookSettings(**good))) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"namespace": ""},
        {"namespace": "A"},
        {"namespace": "a.b"},
        {"namespace": "kube-system"},
        {"namespace": "default"},
        {"registry": ""},
        {"registry": "https://registry.example.com"},
        {"registry": "registry.example.com/"},
        {"registry": "registry.example.com/Mirror"},
        {"registry": "registry..example.com"},
        {"image": ""},
        {"image": "/webhook"},
        {"image": "webhook:v1"},
        {"image": "Webhook"},
        {"image": "webhook\n"},
        {"tag": ""},
        {"tag": "-1"},
        {"tag": "a" * 129},
        {"tag": "v1@" + DIGEST},
        {"digest": "0a" * 32},
        {"digest": DIGEST.upper()},
        {"digest": DIGEST + "0"},
        {"pull_secrets": ("A",)},
        {"pull_secrets": ("",)},
        {"replicas": 0},
        {"replicas": 21},
        {"port": 443},
        {"port": 65536},
        {"port": 9999},
        {"excluded_namespaces": ("kube_system",)},
        {"certificate_days": 6},
        {"certificate_days": 3651},
    ],
)
def test_what_they_would_refuse_is_one_problem(bad):
    [problem] = problems(WebhookSettings(**bad), "irsa_injection_webhook_")
    [name] = bad
    assert problem.startswith(f"irsa_injection_webhook_{name} must ") and problem.endswith(".") and len(problem) < 400


def test_the_image_is_named_as_runtimes_read_it():
    plain = WebhookSettings(registry="registry.example.com:5000/mirror", image="webhook", tag="v1")
    assert plain.reference == "registry.example.com:5000/mirror/webhook:v1"
    pinned = WebhookSettings(registry="registry.example.com", image="webhook", tag="v1", digest=DIGEST)
    assert pinned.reference == f"registry.example.com/webhook:v1@{DIGEST}"
