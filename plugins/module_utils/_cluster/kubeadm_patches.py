# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that kubeadm patches its manifests with, for a kubeadm whose ClusterConfiguration cannot say the same.

A JSON patch adds to what kubeadm renders: in front of all flags (index 1, behind the program's name) or behind them. A
strategic patch would replace the whole command.
https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/control-plane-flags/#patches
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import yaml_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

# Target, suffix, type of the patch, extension: kubeadm reads nothing else. Kubespray deletes those with a number for
# a suffix.
API_SERVER_FILE = "kube-apiserver-irsa+json.yaml"
CONTROLLER_MANAGER_FILE = "kube-controller-manager-irsa+json.yaml"

_HEADER = """\
# Written by selfhosted.irsa. kubeadm reads this only if it is told to: kubeadm upgrade … --patches <this folder>
"""

FRONT = "/spec/containers/0/command/1"
END = "/spec/containers/0/command/-"

# The values of a flag in the manifest that kubeadm renders without a patch.
Rendered = t.Callable[[str], tuple[str, ...]]


def api_server_patch(rendered: Rendered, after: Arguments, issuer: str, *, key_files: t.Iterable[str]) -> bytes | None:
    """Return the patch that makes of what kubeadm renders the arguments that are meant, with these public keys; None
    if it needs none.

    Raises Fault if a patch cannot: it must never name an issuer that kubeadm renders already.
    """
    operations = _issuers(rendered(ISSUER), after.values(ISSUER))
    operations += [(END, KEY_FILE, file) for file in key_files if file not in rendered(KEY_FILE)]
    operations += _last(SIGNING_KEY_FILE, rendered, after)
    audiences = rendered(API_AUDIENCES)
    if audiences and issuer not in ",".join(audiences).split(",") and issuer in (after.separated(API_AUDIENCES) or ()):
        operations.append((END, API_AUDIENCES, issuer))
    return _written(operations)


def controller_manager_patch(rendered: Rendered, after: Arguments) -> bytes | None:
    """Return the same for kube-controller-manager."""
    return _written(_last(PRIVATE_KEY_FILE, rendered, after))


def values(patch: bytes, name: str) -> tuple[str, ...]:
    """Return the values of a flag in a patch of any type; those in its words if it is not understood."""
    text = patch.decode("utf-8", "replace")
    try:
        texts = yaml_text.scalars(yaml_text.Document(text).root)
    except Fault:
        texts = [word.strip("\"',[]{}") for word in text.split()]
    return Arguments.of(texts).values(name)


_Operation = tuple[str, str, str]


def _issuers(rendered: t.Sequence[str], after: t.Sequence[str]) -> list[_Operation]:
    missing = [issuer for issuer in after if issuer not in rendered]
    front = [issuer for issuer in after[:1] if issuer in missing]
    if after and not front and rendered[:1] != tuple(after[:1]):
        raise Fault("kubeadm renders the issuers in another order")
    return [(FRONT if issuer in front else END, ISSUER, issuer) for issuer in missing]


def _last(name: str, rendered: Rendered, after: Arguments) -> list[_Operation]:
    """Return what makes the value that counts, the last one, that of the arguments."""
    value = after.value(name)
    return [(END, name, value)] if value is not None and rendered(name)[-1:] != (value,) else []


def _written(operations: t.Sequence[_Operation]) -> bytes | None:
    lines = [
        f"- {{op: add, path: {path}, value: {json.dumps(f'--{name}={value}', ensure_ascii=False)}}}\n"
        for path, name, value in operations
    ]
    return (_HEADER + "".join(lines)).encode() if lines else None
