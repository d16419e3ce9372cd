# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which names Kubernetes accepts for namespaces and service accounts.

https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

import re
import typing as t

_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NAMESPACE = re.compile(_LABEL)
_MAX_NAMESPACE = 63
# Kubernetes limits the whole name, and not the parts between the dots.
_NAME = re.compile(rf"{_LABEL}([.]{_LABEL})*")
_MAX_NAME = 253


def is_namespace(name: t.Any) -> bool:
    """Whether a namespace can have this name: a DNS label."""
    return isinstance(name, str) and len(name) <= _MAX_NAMESPACE and bool(_NAMESPACE.fullmatch(name))


def is_subdomain(name: t.Any) -> bool:
    """Whether most kinds of objects, service accounts among them, can have this name: a DNS subdomain."""
    return isinstance(name, str) and len(name) <= _MAX_NAME and bool(_NAME.fullmatch(name))
