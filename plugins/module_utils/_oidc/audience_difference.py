# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How two audiences differ that should be equal, and what some audiences are for."""

from __future__ import annotations

import typing as t

_BYTE_FOR_BYTE = "and audiences are compared byte for byte"

# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
_POD_IDENTITY = "pods.eks.amazonaws.com"
_CHINA = ".cn"


def audience_difference(expected: str, actual: str) -> str | None:
    """Say in one sentence why ``actual`` is not the audience ``expected``; None if they have little in common."""
    if actual == expected or not actual or not expected:
        return None
    if actual.strip() == expected.strip():
        return f"They differ only in a space, {_BYTE_FOR_BYTE}."
    if actual.lower() == expected.lower():
        return f"They differ only in capital letters, {_BYTE_FOR_BYTE}."
    if actual.rstrip("/") == expected.rstrip("/"):
        return f"They differ only in a slash at the end, {_BYTE_FOR_BYTE}."
    if _without_scheme(actual) == _without_scheme(expected):
        return f"They differ only in https://, {_BYTE_FOR_BYTE}."
    if actual.removesuffix(_CHINA) == expected.removesuffix(_CHINA):
        return f"They differ only in .cn at the end, which some use in China, {_BYTE_FOR_BYTE}."
    return None


def _without_scheme(audience: str) -> str:
    return audience.lower().removeprefix("https://").removeprefix("http://").rstrip("/")


def purpose_of(audiences: t.Sequence[str], issuer: str) -> str | None:
    """Say what a token with these audiences is for, if that is known and it is not AWS STS."""
    if _POD_IDENTITY in audiences:
        return "It is a token of EKS Pod Identity, which only the agent of EKS takes. Outside EKS, nothing does."
    # --api-audiences is the issuer by default: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/
    if any(each == issuer or _without_scheme(each).startswith("kubernetes.default.svc") for each in audiences):
        return (
            "It is the token with which a pod talks to the API server "
            "(/var/run/secrets/kubernetes.io/serviceaccount/token), and not the one for AWS."
        )
    return None
