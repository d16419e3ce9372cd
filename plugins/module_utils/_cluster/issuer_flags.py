# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an API server is told about its issuers and keys, in the forms that the programs take which start it."""

from __future__ import annotations

import posixpath
import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    ISSUER,
    JWKS_URI,
    KEY_FILE,
    SIGNING_KEY_FILE,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import is_plain

# The values of each flag, in order.
Flags = t.Mapping[str, t.Sequence[str]]

# What kubeadm's static pod mounts, and so the only folder that is right without a change of that pod:
# https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/#api-server
KUBEADM_FOLDER = "/etc/kubernetes/pki"
# Where kubeadm, k3s, RKE2, k0s and MicroK8s keep the files of a server.
_FOLDERS_OF_SERVERS = ("/etc/kubernetes/", "/etc/rancher/", "/var/lib/rancher/", "/var/lib/k0s/", "/var/snap/microk8s/")

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def flags(
    issuers: t.Iterable[str],
    *,
    signing_key: str | None = None,
    public_keys: t.Iterable[str] = (),
    jwks_url: str | None = None,
) -> dict[str, list[str]]:
    """Return the flags of kube-apiserver, each value once, since a repeated issuer keeps the server from starting.

    The first issuer is the one of new tokens. There is no --api-audiences: if it is not set, tokens for each of the
    issuers are accepted.
    https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/
    """
    values: dict[str, t.Iterable[str | None]] = {
        ISSUER: issuers,
        KEY_FILE: public_keys,
        SIGNING_KEY_FILE: [signing_key],
        JWKS_URI: [jwks_url],
    }
    given = {name: list(filter(None, dict.fromkeys(each))) for name, each in values.items()}
    return {name: each for name, each in given.items() if each}


def as_flags(given: Flags) -> list[str]:
    """Return the flags as a command line has them."""
    return [f"--{name}={value}" for name, value in _pairs(given)]


def as_extra_args(given: Flags) -> list[dict[str, str]]:
    """Return ``extraArgs`` of kubeadm, in which a name may be repeated.

    https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/
    """
    return [{"name": name, "value": value} for name, value in _pairs(given)]


def as_k3s_args(given: Flags) -> list[str]:
    """Return ``kube-apiserver-arg`` of k3s and RKE2. A name without a sign replaces the default of that name, and
    repeated ones keep their order.

    https://github.com/k3s-io/k3s/blob/master/pkg/util/args.go
    """
    return [f"{name}={value}" for name, value in _pairs(given)]


def _pairs(given: Flags) -> t.Iterator[tuple[str, str]]:
    for name, values in given.items():
        for value in values:
            yield name, value


# --- what can be in them


def folder_on_server(path: str) -> str | None:
    """Return the folder in which API servers are to have a key that is at this path on the controller.

    None if the path is one of a server: then the controller is one.
    """
    return None if path.startswith(_FOLDERS_OF_SERVERS) else KUBEADM_FOLDER


def path_on_server(path: str, folder: str | None) -> str:
    """Return the path of a key file as an API server sees it; without a folder it is the same."""
    return posixpath.join(folder, posixpath.basename(path)) if folder else path


def is_path(text: str) -> bool:
    """Whether a text can be the path of a file in an argument. The kubelet replaces $(NAME)."""
    return text.startswith("/") and text.isprintable() and "$(" not in text


def is_issuer(text: str) -> bool:
    """Whether a text can be an issuer of an API server, which need not be one that AWS can reach."""
    # --api-audiences would split at a comma, and the kubelet replaces $(NAME).
    return is_plain(text) and not any(part in text for part in (",", '"', "$(")) and _is_startable(text)


def _is_startable(issuer: str) -> bool:
    """Whether kube-apiserver starts with an issuer: it is not empty, and a URL if it has a colon."""
    try:
        parts = urlsplit(issuer)
        has_port = parts.port is not None  # raises ValueError for one that is no number
    except ValueError:
        return False
    is_url = bool(parts.scheme or has_port) and not _BAD_ESCAPE.search(issuer)
    return bool(issuer) and (":" not in issuer or is_url)
