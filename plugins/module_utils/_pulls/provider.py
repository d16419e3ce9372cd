# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entry of ecr-credential-provider in the kubelet's configuration, and what it needs in the cluster.

https://kubernetes.io/docs/tasks/administer-cluster/kubelet-credential-provider/
https://github.com/kubernetes/cloud-provider-aws/blob/v1.36.1/cmd/ecr-credential-provider/main.go
"""

from __future__ import annotations

import dataclasses
import os
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document, document

# ecr-credential-provider knows this name and no other.
ANNOTATION = "eks.amazonaws.com/ecr-role-arn"

# The kubelet refuses members that it does not know, and JSON has no comments. So a variable for the provider's process,
# which means nothing to it, tells our entry from those of others.
_MARK = {"name": "IRSA_MANAGED_BY", "value": "selfhosted.irsa"}

RIGHTS_NAME = "irsa-image-pulls"

_DURATION = re.compile(r"0|(?:\d+(?:\.\d+)?(?:h|m|s|ms))+")
_ROLE = re.compile(r"arn:[a-z0-9-]+:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)
_PATTERN = re.compile(r"[A-Za-z0-9*][A-Za-z0-9*.-]*(?::\d+)?(?:/\S*)?")
# It is a resource in a rule of RBAC, where * stands for all of them.
_AUDIENCE = re.compile(r"[^\s*]+")
# A path goes into a line of flags, which a shell or systemd splits at spaces.
_PATH = re.compile(r"(?:/[A-Za-z0-9_@%+=:,.-]+)+")


@dataclasses.dataclass(frozen=True)
class PullSettings:
    """What is set about image pulls, as variables irsa_image_pulls_NAME."""

    provider_path: str
    match_images: t.Sequence[str]
    audience: str
    config_dir: str
    cache_duration: str = "0s"
    role_arn: str | None = None
    region: str | None = None

    @property
    def name(self) -> str:
        """The provider's name, which must be that of its file."""
        return os.path.basename(self.provider_path)

    @property
    def folder(self) -> str:
        return os.path.dirname(self.provider_path)


def problems(settings: PullSettings) -> list[str]:
    """Return what is wrong with settings, each as a whole sentence."""
    found = []
    for name, path in (("provider_path", settings.provider_path), ("config_dir", settings.config_dir)):
        if not _PATH.fullmatch(path) or ".." in path.split("/"):
            found.append(
                f"irsa_image_pulls_{name} must be an absolute path without spaces and quotes, got {quoted(path)}."
            )
    wrong = [each for each in settings.match_images if not _PATTERN.fullmatch(each)]
    if wrong or not settings.match_images:
        found.append(
            "irsa_image_pulls_match_images must be a list of patterns of images without a scheme, such as "
            f"*.dkr.ecr.*.amazonaws.com, got {quoted(wrong[0] if wrong else [])}."
        )
    if not _AUDIENCE.fullmatch(settings.audience):
        found.append(
            f"irsa_image_pulls_audience must be one audience without spaces and *, got {quoted(settings.audience)}."
        )
    if not _DURATION.fullmatch(settings.cache_duration):
        found.append(
            "irsa_image_pulls_cache_duration must be a duration such as 0s or 12h, got "
            f"{quoted(settings.cache_duration)}."
        )
    if settings.role_arn and not _ROLE.fullmatch(settings.role_arn):
        found.append(f"irsa_image_pulls_role_arn must be the ARN of an IAM role, got {quoted(settings.role_arn)}.")
    return found


def entry(settings: PullSettings) -> dict[str, t.Any]:
    """Return the provider as the kubelet's configuration has it.

    Without requireServiceAccount, images of static pods are still pulled: the provider gets no token for them. Its
    credentials depend on the role in an annotation of the account, so they are kept for each account (cacheType).
    """
    optional = {"AWS_ECR_ROLE_ARN": settings.role_arn, "AWS_REGION": settings.region}
    return {
        "name": settings.name,
        "matchImages": list(settings.match_images),
        "defaultCacheDuration": settings.cache_duration,
        "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        "env": [dict(_MARK), *({"name": name, "value": value} for name, value in optional.items() if value)],
        "tokenAttributes": {
            "serviceAccountTokenAudience": settings.audience,
            "cacheType": "ServiceAccount",
            "requireServiceAccount": False,
            "optionalServiceAccountAnnotationKeys": [ANNOTATION],
        },
    }


def is_ours(provider: t.Any) -> bool:
    """Whether a provider of a configuration is one that this collection wrote."""
    variables = provider.get("env") if isinstance(provider, dict) else None
    return isinstance(variables, list) and _MARK in variables


def rights(audience: str) -> list[Document]:
    """Return the documents that let kubelets request tokens for the audience, for the pods on their nodes.

    Without them, a kubelet gets tokens only for audiences that a pod on its node has in a volume. The audience is the
    resource; resourceNames would be service accounts:
    https://kubernetes.io/docs/reference/access-authn-authz/node/#service-account-token-audience-restriction
    """
    rules = [{"apiGroups": [""], "resources": [audience], "verbs": ["request-serviceaccounts-token-audience"]}]
    group = "rbac.authorization.k8s.io"
    return [
        document("ClusterRole", RIGHTS_NAME, rules=rules),
        document(
            "ClusterRoleBinding",
            RIGHTS_NAME,
            roleRef={"apiGroup": group, "kind": "ClusterRole", "name": RIGHTS_NAME},
            subjects=[{"apiGroup": group, "kind": "Group", "name": "system:nodes"}],
        ),
    ]
