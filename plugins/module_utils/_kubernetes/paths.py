# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an API server has service accounts."""

from __future__ import annotations

ALL_ACCOUNTS = "/api/v1/serviceaccounts"


def accounts_in(namespace: str) -> str:
    """Return the path of the service accounts of a namespace."""
    return f"/api/v1/namespaces/{namespace}/serviceaccounts"


def account(namespace: str, name: str) -> str:
    """Return the path of a service account."""
    return f"{accounts_in(namespace)}/{name}"
