# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The thumbprint of an issuer, computed from the certificates that its host serves."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import typing as t
from urllib.parse import urlsplit

with contextlib.suppress(ImportError):  # the module reports that it is missing
    from cryptography import x509

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.documents import MAX_BYTES
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import Issuer, parse
from ansible_collections.selfhosted.irsa.plugins.module_utils._web import https, tls
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import AddressRefused, FetchFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.second_look import look_twice


def of_issuer(url: str, route: Route) -> str:
    """Return the thumbprint of an issuer's JWKS host: SHA-1 of the top intermediate CA, in lower-case hexadecimal.

    That is the last certificate that the host presents and that is not a self-signed root:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
    Raises IrsaError if the host cannot be reached, is not trusted here, or presents only its own certificate.
    """
    issuer = parse(url)
    host = _jwks_host(issuer, route)
    try:
        connection = look_twice(lambda: https.connect(host, route, trusted_host=issuer.host))
    except AddressRefused as failure:
        raise _not_computed(
            host, f"{failure} Correct jwks_uri in {issuer.discovery_url}, or list thumbprints yourself."
        ) from None
    except FetchFailed as failure:
        raise _not_computed(
            host,
            f"{failure} Set ca_path (irsa_issuer_ca_path) to the file of its CA, set connect_to "
            "(irsa_issuer_connect_to) to where it is reached, or list thumbprints yourself.",
        ) from None
    try:
        return of_chain(tls.served_chain(t.cast(ssl.SSLSocket, connection.sock)), host)
    finally:
        connection.close()


def of_chain(chain: t.Sequence[bytes], host: str) -> str:
    """Return the thumbprint of a served chain (DER, the leaf first).

    Raises IrsaError if it has no CA certificate, or one that cannot be read.
    """
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        self_signed = [certificate.issuer == certificate.subject for certificate in certificates]
    except (ValueError, x509.InvalidVersion):
        raise _not_computed(host, f"it presents a certificate that cannot be read. {_by_hand()}") from None
    above_leaf = range(1, len(chain))
    intermediates = [index for index in above_leaf if not self_signed[index]]
    if intermediates:
        chosen = intermediates[-1]
    elif above_leaf:
        chosen = above_leaf[-1]  # signed by the root itself, which is served too
    elif self_signed[0]:
        chosen = 0
    else:
        raise _not_computed(
            host,
            "it presents only its own certificate. Have it present the certificate of the intermediate CA, too, which "
            f"clients need. {_by_hand()}",
        )
    # SHA-1 is what IAM calls a thumbprint; nothing here relies on its strength.
    return hashlib.sha1(chain[chosen], usedforsecurity=False).hexdigest()


def _by_hand() -> str:
    return f"Or list thumbprints yourself in {called('thumbprints')}."


def _not_computed(host: str, reason: str) -> IrsaError:
    return IrsaError(f"The thumbprint of {host} could not be computed: {reason}")


def _jwks_host(issuer: Issuer, route: Route) -> str:
    """Return the host in jwks_uri, whose certificate AWS checks; the issuer's own if no document is published yet."""
    try:
        answer = look_twice(
            lambda: https.get(issuer.discovery_url, route, MAX_BYTES), may_pass=lambda seen: seen.status >= 500
        )
        document = parse_json(answer.body.decode("utf-8"))
        return urlsplit(document["jwks_uri"]).hostname or issuer.host
    except (IrsaError, ValueError, KeyError, TypeError, AttributeError):
        return issuer.host
