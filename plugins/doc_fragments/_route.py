# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of modules that connect to an issuer's host. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  connect_to:
    description:
      - Address to connect to instead of the issuer's own, as C(host:port), C([v6]:port) or C(host), which means port
        443. TLS still verifies the issuer's host name, like C(curl --connect-to).
      - If omitted, the host name is resolved by DNS, or passed to the proxy set in the environment variable
        E(HTTPS_PROXY), unless E(NO_PROXY) exempts it.
    type: str
  ca_path:
    description:
      - Path of a PEM file with CA certificates to trust in addition to the system's, for an issuer with a private CA.
    type: path
"""
