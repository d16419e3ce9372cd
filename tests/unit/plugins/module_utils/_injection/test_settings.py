# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for what can be set about injection, and what it comes to in a pod spec that is written by hand."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.pod_identity import pod_identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings, problems

ROLE = "arn:aws:iam::123456789012:role/app"


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"region": "eu-west-1"},
        {"region": "us-gov-east-1"},
        {"region": "default"},
        {"audience": "https://issuer.example.org/'x'"},
        {"expiration": 600},
        {"expiration": 1 << 32},
        {"mount_path": "/mnt/token"},
        {"annotation_prefix": "irsa.example.org"},
        {"guard_exceptions": ("default", "kube-system/coredns", "a/b.c")},
    ],
)
def test_what_kubernetes_accepts_has_no_problem(good):
    assert list(problems(Settings(**good))) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"region": "eu west 1"},
        {"region": "'+'"},
        {"region": "eu-west-1\n"},
        {"region": "x" * 65},
        {"audience": ""},
        {"audience": "a\0b"},
        {"audience": "a" * 1025},
        {"audience": "\ud800"},
        {"expiration": 599},
        {"expiration": (1 << 32) + 1},
        {"mount_path": ""},
        {"mount_path": "var/run"},
        {"mount_path": "/"},
        {"mount_path": "/a/../b"},
        {"mount_path": "/a:b"},
        {"mount_path": "/a/"},
        {"annotation_prefix": ""},
        {"annotation_prefix": "EKS.example.org"},
        {"annotation_prefix": "a/b"},
        {"annotation_prefix": ".".join(["a" * 60] * 5)},
        {"guard_exceptions": ("Default",)},
        {"guard_exceptions": ("a/b/c",)},
        {"guard_exceptions": ("/b",)},
        {"guard_exceptions": ("a.b/c",)},
        {"guard_exceptions": ("",)},
    ],
)
def test_what_kubernetes_would_refuse_is_one_problem(bad):
    [problem] = problems(Settings(**bad), "irsa_injection_")
    [name] = bad
    assert problem.startswith(f"irsa_injection_{name} must be ") and len(problem) < 500


def test_every_problem_is_found():
    settings = Settings(region="?", audience="", expiration=1, mount_path="x", annotation_prefix="X")
    assert len(list(problems(settings))) == 5


def test_a_pod_gets_by_hand_what_the_webhook_would_give_it():
    assert pod_identity(ROLE, Settings(region="eu-west-1")) == {
        "volumes": [
            {
                "name": "aws-iam-token",
                "projected": {
                    "sources": [
                        {
                            "serviceAccountToken": {
                                "audience": "sts.amazonaws.com",
                                "expirationSeconds": 86400,
                                "path": "token",
                            }
                        }
                    ]
                },
            }
        ],
        "volumeMounts": [
            {
                "name": "aws-iam-token",
                "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount",
                "readOnly": True,
            }
        ],
        "env": [
            {"name": "AWS_STS_REGIONAL_ENDPOINTS", "value": "regional"},
            {"name": "AWS_DEFAULT_REGION", "value": "eu-west-1"},
            {"name": "AWS_REGION", "value": "eu-west-1"},
            {"name": "AWS_ROLE_ARN", "value": ROLE},
            {
                "name": "AWS_WEB_IDENTITY_TOKEN_FILE",
                "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
            },
        ],
    }


def test_variables_without_a_value_are_left_out():
    env = pod_identity(ROLE, Settings(sts_regional_endpoints=False))["env"]
    assert [each["name"] for each in env] == ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"]
