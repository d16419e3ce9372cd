# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment variables with which kubernetes.core would write elsewhere than was looked at.

Its modules read K8S_AUTH_* for each option that a task does not set, and the plan is made with the kubeconfig alone. A
task cannot unset a variable: an empty one is a value, too.
https://docs.ansible.com/projects/ansible/latest/collections/kubernetes/core/k8s_module.html
"""

from __future__ import annotations

import typing as t

_PREFIX = "K8S_AUTH_"
# Which server, as whom, and how it is recognized. Some options have two names.
_NAMES = (
    *("HOST", "CONTEXT"),
    *("API_KEY", "USERNAME", "PASSWORD", "IMPERSONATE_USER", "IMPERSONATE_GROUPS"),
    *("CLIENT_CERT", "CERT_FILE", "CLIENT_KEY", "KEY_FILE"),
    *("CA_CERT", "SSL_CA_CERT", "VALIDATE_CERTS", "VERIFY_SSL"),
)


def problems(environment: t.Mapping[str, str]) -> t.Iterator[str]:
    """Yield what is wrong with the environment in which the role writes."""
    found = [_PREFIX + name for name in _NAMES if _PREFIX + name in environment]
    if found:
        them = "it" if len(found) == 1 else "them"
        yield (
            f"The environment has {', '.join(found)}. Only kubernetes.core.k8s would obey {them}, so it could "
            "write to another cluster, or as another user, than was looked at. Run this without, and name the cluster "
            "by irsa_kubeconfig and irsa_kube_context."
        )
