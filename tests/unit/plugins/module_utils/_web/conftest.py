# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name resolution that a test controls."""

from __future__ import annotations

import socket

import pytest


@pytest.fixture
def names(monkeypatch):
    """The IP addresses of each host name; other names are unknown."""
    known = {"127.0.0.1": ["127.0.0.1"]}
    real = socket.getaddrinfo

    def resolve(host, port, *arguments, **options):
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [entry for ip in known[host] for entry in real(ip, port, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known
