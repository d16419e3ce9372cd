# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of what a static pod's container has logged, from the folder that the kubelet keeps it in.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import glob
import os
import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

# /var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log; the UID of a static pod is its hash:
# https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-location
FOLDER = "/var/log/pods"
_MAX_BYTES = 1 << 20
_MAX_LINES = 12
_MAX_CHARACTERS = 2500

# Time, stream and tag of the CRI's format, before what the program wrote.
_CRI = re.compile(r"\S+ (?:stdout|stderr) [FP] ")
# What klog writes for information: https://github.com/kubernetes/klog
_INFORMATION = re.compile(r"I\d{4} ")


def _modified(path: str) -> int:
    """Return when a log was written, in nanoseconds since 1970; 0 if the kubelet has removed it."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def logs_of(pod: str, folder: str = FOLDER) -> list[str]:
    """Return the paths of the logs of a static pod's API server, the newest last."""
    pattern = os.path.join(glob.escape(folder), f"kube-system_{glob.escape(pod)}_*", "kube-apiserver", "*.log")
    return sorted(glob.glob(pattern), key=_modified)


def starts_since(pod: str, time: float, folder: str = FOLDER) -> int:
    """Return how often the API server was started since a time (in seconds since 1970), as its logs tell."""
    new = [path for path in logs_of(pod, folder) if _modified(path) >= time * 10**9]
    restarts = [int(name) for name in (os.path.basename(path)[: -len(".log")] for path in new) if name.isdigit()]
    return max(restarts, default=-1) + 1


def end_of_log(pod: str, folder: str = FOLDER) -> str:
    """Return the last lines that the API server logged, without information if there is anything else."""
    for path in reversed(logs_of(pod, folder)):
        try:
            content = files.read_start(path, _MAX_BYTES)
        except IrsaError:
            continue
        lines = [_CRI.sub("", line, count=1) for line in (content or b"").decode("utf-8", "replace").splitlines()]
        lines = [line for line in lines if line.strip()]
        if lines:
            telling = [line for line in lines if not _INFORMATION.match(line)]
            return "\n".join((telling or lines)[-_MAX_LINES:])[-_MAX_CHARACTERS:]
    return ""
