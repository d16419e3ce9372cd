# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all recipes have in common: which issuers a phase has, what must be known for it, and YAML of text."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_patches import END, FRONT
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import NEW, Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# Phases of a cluster that runs.
RUNNING = (ACCEPT, SIGN, SIGN_BACK, FORGET)
# Where a patch of kubeadm puts the flag of the issuer. The issuers that kubeadm renders stay where they are.
PLACES: t.Mapping[str, str] = {NEW: FRONT, ACCEPT: END, SIGN: FRONT, SIGN_BACK: END}

_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:[.+-][0-9A-Za-z.+-]*)?")


def issuers(request: Request, phase: str) -> tuple[str, ...]:
    """Return the issuers that an API server has after a phase. It signs with the first one."""
    present = tuple(issuer for issuer in dict.fromkeys(request.present_issuers) if issuer != request.issuer)
    if phase in (NEW, SIGN):
        return (request.issuer, *present)
    return present if phase == FORGET else (*present, request.issuer)


def require_present(request: Request, phases: t.Sequence[str], title: str) -> None:
    """Raise IrsaError if a phase needs the issuers that the API servers accept today, and they are not known."""
    if any(phase in RUNNING for phase in phases) and not issuers(request, FORGET):
        raise IrsaError(
            f"The API servers of {title} accept the issuers that they are given, and no others, so those of today are "
            "needed: without them, all tokens of running pods would be refused. The one that signs is the value of "
            "issuer in the output of `kubectl get --raw /.well-known/openid-configuration`. Set "
            "irsa_issuer_former_issuers to a list of it, followed by what else is accepted. For a cluster that does "
            "not exist yet, set irsa_apiserver_phase to new."
        )


def require_cluster_name(request: Request, title: str) -> str:
    """Return the name of the cluster. Raises IrsaError if it is not known."""
    if not request.cluster_name:
        raise IrsaError(f"Set irsa_apiserver_cluster_name: {title} names what belongs to a cluster by its name.")
    return request.cluster_name


def require_minor(request: Request, title: str, example: str) -> tuple[int, ...]:
    """Return the first two numbers of the distribution's version. Raises IrsaError if it is not known."""
    numbers = version_numbers(request.version, example)
    if not numbers:
        raise IrsaError(
            f"Set irsa_apiserver_distribution_version to the version of {title} that the cluster runs, such as "
            f"{example}: what it can be told about issuers depends on it."
        )
    return numbers[:2]


def is_older(request: Request, oldest: tuple[int, ...], example: str) -> bool:
    """Whether the distribution's version is known to be older than ``oldest``. Raises IrsaError if it is no version."""
    numbers = version_numbers(request.version, example)
    return bool(numbers) and numbers[: len(oldest)] < oldest[: len(numbers)]


def version_numbers(version: str | None, example: str) -> tuple[int, ...]:
    """Return the two or three numbers of a version; none if it is not named. Raises IrsaError if it is no version."""
    if not version:
        return ()
    found = _VERSION.fullmatch(version)
    if found is None:
        raise IrsaError(
            f"irsa_apiserver_distribution_version is {quoted(version)}. Expected a version such as {example}."
        )
    return tuple(int(number) for number in found.groups() if number)


# --- texts


def file_name(phase: str, suffix: str = "", ending: str = "yaml") -> str:
    """Return the name of a phase's file."""
    return f"irsa-{phase.replace('_', '-')}{suffix}.{ending}"


def string(text: str) -> str:
    """Return a text as one string of YAML, on one line."""
    return json.dumps(text, ensure_ascii=False)


def strings(texts: t.Iterable[str]) -> str:
    """Return texts as a list of YAML, on one line."""
    return f"[{', '.join(map(string, texts))}]"


def block(text: str, indent: int) -> str:
    """Return a text of several lines as a block of YAML, the first line of which follows a key."""
    lines = text.strip("\n").split("\n")
    return "|\n" + "\n".join(" " * indent + line.rstrip("\r") for line in lines)
