# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS: contexts, what a handshake that failed means, and the chain of certificates that a host presents."""

from __future__ import annotations

import ssl

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import FetchFailed, reason_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.sockets import TlsSocket

# X509_V_ERR_… in OpenSSL's x509_vfy.h: not yet valid, expired; other host name, other address
_CHECK_OF_VERIFY_CODE = {9: "tls-expiry", 10: "tls-expiry", 62: "tls-host", 64: "tls-host"}


def verifying_context(ca_path: str | None) -> ssl.SSLContext:
    """Return a context that verifies certificates with the system's CAs and those in a PEM file.

    Raises IrsaError for a file that cannot be used.
    """
    context = ssl.create_default_context()
    context.sslsocket_class = TlsSocket
    if ca_path is not None:
        try:
            files.require_readable(ca_path)
            context.load_verify_locations(cafile=ca_path)
        except (IrsaError, OSError, ssl.SSLError) as error:
            reason = str(error).rstrip(".") if isinstance(error, IrsaError) else error.strerror or error
            raise IrsaError(
                f"{called('ca_path')} {files.shown(ca_path)} cannot be used: {reason}. It must be a file of CA "
                "certificates in PEM."
            ) from None
    return context


def accepting_context() -> ssl.SSLContext:
    """Return a context that accepts any certificate, to look at one that was refused. Nothing may be sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = TlsSocket
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def handshake_failure(host: str, error: Exception) -> FetchFailed:
    """Return what an exception during a handshake means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        check = _CHECK_OF_VERIFY_CODE.get(error.verify_code, "tls-trust")
        return FetchFailed(f"The certificate of {host} is not accepted: {error.verify_message}.", check)
    is_slow = isinstance(error, TimeoutError)
    reason = error.reason if isinstance(error, ssl.SSLError) and error.reason else reason_of(error)
    return FetchFailed(
        f"TLS with {host} failed: {'it took too long' if is_slow else reason}.", "tls-version", is_slow=is_slow
    )


def served_chain(sock: ssl.SSLSocket) -> list[bytes]:
    """Return the certificates as the server sent them, DER, the leaf first.

    Raises IrsaError if this Python has no API for them.
    """
    if hasattr(sock, "get_unverified_chain"):  # public since Python 3.13
        return list(sock.get_unverified_chain())
    # Python 3.10 to 3.12 have the same call one level down: https://github.com/python/cpython/issues/109109
    inner = getattr(sock, "_sslobj", None)
    get_chain = getattr(inner, "get_unverified_chain", None)
    if get_chain is None:
        raise IrsaError(
            "This Python cannot read the certificate chain that a server presents. Use Python 3.13 or newer, or list "
            "the thumbprints yourself."
        )
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in get_chain()]
