# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a host is reached. Nothing here opens a connection, so that options can be checked before anything else."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# How long STS waits for an issuer:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
DEFAULT_TIMEOUT = 5.0

_MAX_TIMEOUT = 3600

PORT = 443

_CONNECT_TO = re.compile(r"^(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(:(?P<port>[0-9]{1,5}))?$")


class Route(t.NamedTuple):
    """How a host is reached: ``connect_to`` (``host:port``) replaces DNS and proxies, ``ca_path`` is a file of
    additional CAs, ``timeout`` the seconds from the first step to the last byte of an answer.
    """

    connect_to: str | None = None
    ca_path: str | None = None
    timeout: float = DEFAULT_TIMEOUT

    def target(self) -> tuple[str, int] | None:
        """Return the host and port in ``connect_to``, if it is set; raises IrsaError."""
        return None if self.connect_to is None else parse_connect_to(self.connect_to)

    def check_timeout(self) -> None:
        """Raise IrsaError unless the timeout can be used."""
        check_timeout(self.timeout, called("timeout"))


def check_timeout(seconds: float, name: str) -> None:
    """Raise IrsaError, which calls the timeout by this name, unless it can be used."""
    if not 0 < seconds <= _MAX_TIMEOUT:
        raise IrsaError(f"{name} is {seconds}; expected more than 0 and at most {_MAX_TIMEOUT} seconds.")


def parse_connect_to(text: str) -> tuple[str, int]:
    """Split ``host:port``, ``[v6]:port`` or ``host`` (port 443) into host and port; raises IrsaError."""
    match = _CONNECT_TO.fullmatch(text)
    port = int(match["port"] or PORT) if match else 0
    if match is None or not 1 <= port <= 65535:
        raise IrsaError(
            f"{called('connect_to')} is {quoted(text)}; expected host:port, for example 192.0.2.10:8443 or "
            "[2001:db8::1]:443."
        )
    return match["host"].strip("[]"), port
