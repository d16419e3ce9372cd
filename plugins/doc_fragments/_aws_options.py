# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that several modules share. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    TAGS = r"""
options:
  tags:
    description:
      - Tags to set. Tags that are there and not named here stay, unless O(purge_tags=true).
      - Omitted, tags are not looked at.
    type: dict
    aliases: [resource_tags]
  purge_tags:
    description:
      - Whether tags that are not in O(tags) are removed. Tags whose name begins with V(aws:) are AWS's own and always
        stay.
    type: bool
    default: false
"""

    ROUTE = r"""
options:
  connect_to:
    description:
      - Where to connect to instead of the issuer's own address, as C(host:port), C([v6]:port) or C(host), which means
        port 443. TLS still asks for the issuer's name, as with curl's C(--connect-to).
      - Without it the name is resolved by DNS, or given to the proxy that the environment variables E(HTTPS_PROXY) and
        E(NO_PROXY) name.
    type: str
  ca_path:
    description:
      - A file of CA certificates in PEM to trust beside the system's own, for an issuer with a private CA.
    type: path
"""
