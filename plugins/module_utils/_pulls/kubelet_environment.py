# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kubelet's flags in the file of environment variables that its unit reads, and the same bytes with other flags.

The kubeadm packages' unit starts the kubelet with the variables KUBELET_KUBEADM_ARGS and KUBELET_EXTRA_ARGS, in this
order, and of a flag that is there twice the last one counts. The first is in /var/lib/kubelet/kubeadm-flags.env, which
kubeadm writes again when a node joins or is initialized. The second is in /etc/default/kubelet (Debian) or
/etc/sysconfig/kubelet (RPM), which is the administrator's, and kubeadm never writes it. So flags go there:
https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/kubelet-integration/

How systemd reads such a file (EnvironmentFile):
https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html
"""

from __future__ import annotations

import dataclasses
import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

VARIABLE = "KUBELET_EXTRA_ARGS"

CONFIG = "--image-credential-provider-config"
BIN_DIR = "--image-credential-provider-bin-dir"

_ADDED = "# Added by role selfhosted.irsa.irsa_image_pulls."
_CREATED = "# Created by role selfhosted.irsa.irsa_image_pulls."

_ASSIGNMENT = re.compile(rf"^[ \t]*{VARIABLE}[ \t]*=", re.MULTILINE)
# Without escapes and without quotes inside: then systemd and a shell read the same.
_PLAIN = re.compile(
    rf"^[ \t]*{VARIABLE}=(?P<quote>[\"']?)(?P<value>[^\"'\\\r\n]*?)(?P=quote)[ \t]*$",
    re.MULTILINE,
)


@dataclasses.dataclass(frozen=True)
class Flags:
    """The kubelet's two flags about credential providers; empty if they are not set."""

    config: str = ""
    bin_dir: str = ""

    @classmethod
    def of(cls, text: str) -> Flags:
        """Return what counts of a text of flags, or of a file with such texts."""
        return cls(_last(CONFIG, text), _last(BIN_DIR, text))

    def __str__(self) -> str:
        return f"{CONFIG}={self.config} {BIN_DIR}={self.bin_dir}"

    def __bool__(self) -> bool:
        return bool(self.config or self.bin_dir)


def _last(name: str, text: str) -> str:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", ";"))]
    found = re.findall(rf"(?<![\w-]){name}(?:=|[ \t]+)[\"']?([^\s\"']+)", "\n".join(lines))
    return str(found[-1]) if found else ""


def sets_variable(text: str) -> bool:
    """Whether a file sets the variable, in whatever way."""
    return bool(_ASSIGNMENT.search(text))


def with_flags(text: str | None, flags: Flags) -> str:
    """Return the file with these flags at the end of its variable; None is a file that does not exist.

    Raises Fault if the variable is written in a way that cannot be changed safely.
    """
    line = f'{VARIABLE}="{flags}"'
    if text is None:
        return f"{_CREATED}\n{line}\n"
    found = _assignment(text)
    if found is not None:
        value = found["value"]
        return text[: found.end("value")] + (" " if value else "") + str(flags) + text[found.end("value") :]
    if not text or text.endswith("\n"):
        return f"{text}{_ADDED}\n{line}\n"
    return f"{text}\n{_ADDED}\n{line}"  # the last line still does not end, which tells the two apart


def without_flags(text: str, flags: Flags) -> str | None:
    """Return the file without flags that ``with_flags`` has added, None if it would not exist. Raises Fault."""
    line = f'{VARIABLE}="{flags}"'
    if text == f"{_CREATED}\n{line}\n":
        return None
    for block in (f"{_ADDED}\n{line}\n", f"{_CREATED}\n{line}\n"):
        if block in text:
            return text.replace(block, "")
    block = f"\n{_ADDED}\n{line}"
    if text.endswith(block):
        return text[: -len(block)]
    found = _assignment(text)
    if found is None or str(flags) not in found["value"]:
        raise Fault(f"the flags {flags} are not in its {VARIABLE} as this role writes them. Remove them by hand")
    before, dummy, after = found["value"].partition(str(flags))
    value = before[:-1] + after if before.endswith(" ") else before + after.lstrip(" ")
    return text[: found.start("value")] + value + text[found.end("value") :]


def _assignment(text: str) -> re.Match[str] | None:
    """Return the line of the variable, None if there is none. Raises Fault."""
    count = len(_ASSIGNMENT.findall(text))
    if count > 1:
        raise Fault(f"it sets {VARIABLE} more than once. Leave one line of them")
    if re.search(r"\\\r?$", text, re.MULTILINE):
        raise Fault("it has a line that goes on in the next one (\\). Write each variable on one line")
    found = _PLAIN.search(text)
    if count and found is None:
        raise Fault(f"its {VARIABLE} has quotes or escapes within. Write it on one line, with one pair of quotes")
    return found
