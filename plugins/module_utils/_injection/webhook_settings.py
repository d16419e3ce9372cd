# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be set about the EKS pod identity webhook, and the rules for it."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import constants
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.object_names import is_namespace, is_subdomain

# The grammar of image references: https://github.com/distribution/reference/blob/main/reference.go
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(rf"{_PATH}(?:/{_PATH})*")
_HOST = (
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:[.][A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])"
)
_REGISTRY = re.compile(rf"{_HOST}(?::[0-9]+)?(?:/{_PATH})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# Below these, only root may listen.
_MIN_PORT, _MAX_PORT = 1024, 65535
_MAX_REPLICAS = 20
# The certificate cannot outlive the CA that signs it.
_MIN_DAYS, _MAX_DAYS = 7, 3650
# The namespace is created, labelled and removed as a whole.
_NAMESPACES_OF_KUBERNETES = ("default", "kube-system", "kube-public", "kube-node-lease")


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

    @property
    def reference(self) -> str:
        """The image as container runtimes read it. With a digest, the tag only tells people which one it is."""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.image}:{self.tag}{digest}"


def problems(settings: WebhookSettings, prefix: str = "") -> t.Iterator[str]:
    """Yield what is wrong, one sentence for each; ``prefix`` stands before the names, as in a role's variables."""
    yield from _problems_of_names(settings, prefix)
    yield from _problems_of_the_image(settings, prefix)
    for name, value, least, most in (
        ("replicas", settings.replicas, 1, _MAX_REPLICAS),
        ("port", settings.port, _MIN_PORT, _MAX_PORT),
        ("certificate_days", settings.certificate_days, _MIN_DAYS, _MAX_DAYS),
    ):
        if not least <= value <= most:
            yield f"{prefix}{name} must be a number from {least} to {most}, not {quoted(value)}."
    if settings.port == constants.METRICS_PORT:
        yield f"{prefix}port must not be {constants.METRICS_PORT}, where the webhook serves its metrics."


def _problems_of_names(settings: WebhookSettings, prefix: str) -> t.Iterator[str]:
    if not is_namespace(settings.namespace):
        yield f"{prefix}namespace must be the name of a namespace, not {quoted(settings.namespace)}."
    if settings.namespace in _NAMESPACES_OF_KUBERNETES:
        yield (
            f"{prefix}namespace must be a namespace for the webhook alone, which the role creates, and not "
            f"{settings.namespace}."
        )
    for name in settings.pull_secrets:
        if not is_subdomain(name):
            yield f"{prefix}pull_secrets must be a list of names of Secrets; {quoted(name)} is none."
    for name in settings.excluded_namespaces:
        if not is_namespace(name):
            yield f"{prefix}excluded_namespaces must be a list of names of namespaces; {quoted(name)} is none."


def _problems_of_the_image(settings: WebhookSettings, prefix: str) -> t.Iterator[str]:
    if not _REGISTRY.fullmatch(settings.registry):
        yield (
            f"{prefix}registry must be a host, with a port or a path if needed and without https://, such as "
            f"registry.example.com:5000/mirror, not {quoted(settings.registry)}."
        )
    if not _IMAGE.fullmatch(settings.image):
        yield (
            f"{prefix}image must be the name of an image without its registry and tag, such as "
            f"{WebhookSettings.image}, not {quoted(settings.image)}."
        )
    if not _TAG.fullmatch(settings.tag):
        yield f"{prefix}tag must be the tag of an image, such as {WebhookSettings.tag}, not {quoted(settings.tag)}."
    if settings.digest and not _DIGEST.fullmatch(settings.digest):
        yield f"{prefix}digest must be sha256: and 64 hexadecimal digits, not {quoted(settings.digest)}."
