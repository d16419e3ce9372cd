# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be set about the EKS pod identity webhook, and the rules for it."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """How the webhook runs. What it puts into pods are the ``Settings``.

    The image is ``registry``/``image``:``tag``, and with a ``digest`` (sha256:…) exactly that one. ``pull_secrets`` are
    names of Secrets in the namespace. Pods in ``excluded_namespaces`` are not sent to the webhook.
    """

    namespace: str = "irsa-system"
    registry: str = "public.ecr.aws"
    image: str = "eks/amazon-eks-pod-identity-webhook"
    tag: str = "v0.6.17"
    digest: str = ""
    pull_secrets: tuple[str, ...] = ()
    replicas: int = 2
    host_network: bool = False
    port: int = 8443
    excluded_namespaces: tuple[str, ...] = ()
    certificates: str = "auto"
    certificate_days: int = 1825
