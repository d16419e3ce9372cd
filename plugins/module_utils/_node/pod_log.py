# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a static pod's container has logged and how often it was started, from the folder of the kubelet's logs.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import glob
import os
import re
import typing as t

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
# What klog and logrus write for information. k0s logs all lines of its API server as that, with the name of a stream.
# https://github.com/kubernetes/klog  https://github.com/sirupsen/logrus
_INFORMATION = re.compile(r"I\d{4} |time=\"[^\"]*\" level=(?:info|debug) (?!.*\bstream=)")


def _modified(path: str) -> int:
    """Return when a log was written, in nanoseconds since 1970; 0 if the kubelet has removed it."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def logs_of(pod: str, component: str, folder: str = FOLDER) -> list[str]:
    """Return the paths of the logs of a component in a static pod, the newest last."""
    pattern = os.path.join(glob.escape(folder), f"kube-system_{glob.escape(pod)}_*", component, "*.log")
    return sorted(glob.glob(pattern), key=_modified)


def restarts(paths: t.Iterable[str]) -> dict[str, int]:
    """Return how often each container was started again, as the names of its logs tell, by their folder.

    The kubelet keeps only the last logs, but goes on counting.
    """
    found: dict[str, int] = {}
    for folder, name in map(os.path.split, paths):
        number = name[: -len(".log")]
        if number.isdigit():
            found[folder] = max(found.get(folder, 0), int(number))
    return found


def starts_since(before: t.Mapping[str, int], paths: t.Iterable[str]) -> int:
    """Return how often a container was started since its ``restarts`` were what they were before."""
    return max((number - before.get(folder, -1) for folder, number in restarts(paths).items()), default=0)


def end_of_log(paths: t.Sequence[str]) -> str:
    """Return the last lines in the newest of these logs that is not empty, without information if there is anything
    else.
    """
    for path in reversed(paths):
        try:
            content = files.read_end(path, _MAX_BYTES)
        except IrsaError:
            continue
        lines = [_CRI.sub("", line, count=1) for line in (content or b"").decode("utf-8", "replace").splitlines()]
        lines = [line for line in lines if line.strip()]
        if lines:
            return end_of(lines)
    return ""


def end_of(lines: t.Sequence[str]) -> str:
    """Return the last of these lines, without information if there is anything else."""
    telling = [line for line in lines if not _INFORMATION.match(line)]
    return "\n".join((telling or lines)[-_MAX_LINES:])[-_MAX_CHARACTERS:]
