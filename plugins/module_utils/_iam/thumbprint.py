# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The thumbprint of an issuer, computed from the certificates that its host serves."""

from __future__ import annotations

import contextlib
import hashlib
import json
import typing as t
from urllib.parse import urlsplit

with contextlib.suppress(ImportError):  # the module reports that it is missing
    from cryptography import x509

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import parse
from ansible_collections.selfhosted.irsa.plugins.module_utils._web import https
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route


def of_issuer(url: str, route: Route) -> str:
    """The thumbprint of an issuer's JWKS host: SHA-1 of the top intermediate CA, 40 lower-case hexadecimal digits.

    That is the last certificate that the host presents and that is not a self-signed root:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
    Raises IrsaError where the host cannot be reached, is not trusted here, or presents only its own certificate.
    """
    host = _jwks_host(url, route)
    try:
        connection = https.connect(host, route)
    except https.FetchFailed as failure:
        raise IrsaError(
            f"The thumbprint of {host} could not be computed: {failure} Set ca_path (irsa_issuer_ca_path) to the file "
            "of its CA, set connect_to (irsa_issuer_connect_to) to where it is reached, or list thumbprints yourself."
        ) from None
    try:
        return of_chain(https.served_chain(connection.sock), host)
    finally:
        connection.close()


def of_chain(chain: t.Sequence[bytes], host: str) -> str:
    """The thumbprint of a served chain (DER, the leaf first). Raises IrsaError where it has no CA certificate."""
    certificates = [x509.load_der_x509_certificate(der) for der in chain]
    self_signed = [certificate.issuer == certificate.subject for certificate in certificates]
    above_leaf = range(1, len(chain))
    intermediates = [index for index in above_leaf if not self_signed[index]]
    if intermediates:
        chosen = intermediates[-1]
    elif above_leaf:
        chosen = above_leaf[-1]  # signed by the root itself, which is served too
    elif self_signed[0]:
        chosen = 0
    else:
        raise IrsaError(
            f"The thumbprint of {host} could not be computed: it presents only its own certificate. Have it present "
            "the certificate of the intermediate CA, too, which clients need; or list thumbprints yourself."
        )
    # SHA-1 is what IAM calls a thumbprint; nothing here relies on its strength.
    return hashlib.sha1(chain[chosen], usedforsecurity=False).hexdigest()


def _jwks_host(url: str, route: Route) -> str:
    """AWS checks the certificate of the host in jwks_uri. Before documents are published that is the issuer's own."""
    issuer = parse(url)
    try:
        document = json.loads(https.get(issuer.discovery_url, route, 1 << 20).body)
        return urlsplit(document["jwks_uri"]).hostname or issuer.host
    except (IrsaError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return issuer.host
