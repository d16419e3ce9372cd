# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One TLS context for all connections of a module run. Decision 4 (docs/decisions) says why, and what is risked."""

from __future__ import annotations

import ssl
import threading
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files


class _CachingContext(ssl.SSLContext):
    """A context that loads each file of CA certificates once.

    urllib3 hands it the file for every new connection, which for the usual 140 certificates takes 15 to 25 ms of CPU:
    https://github.com/urllib3/urllib3/blob/main/src/urllib3/util/ssl_.py (ssl_wrap_socket).
    """

    def __init__(self, protocol: int) -> None:
        super().__init__()  # __new__ has taken the protocol
        self.lock = threading.Lock()
        self.loaded: set[tuple[t.Any, t.Any, t.Any]] = set()

    def load_verify_locations(self, cafile: t.Any = None, capath: t.Any = None, cadata: t.Any = None) -> None:
        with self.lock:
            if (cafile, capath, cadata) not in self.loaded:
                if cafile is not None:
                    files.require_readable(cafile)  # OpenSSL would wait for a writer of a named pipe
                super().load_verify_locations(cafile, capath, cadata)
                self.loaded.add((cafile, capath, cadata))


class SharedContext:
    """Gives the clients of one module run, which all have the same options, one context."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None

    def put_on(self, client: t.Any) -> None:
        """Let a boto3 client that has opened no connection yet use the shared context.

        botocore has no public API for this. If its internals have changed, the client keeps its own context, which is
        slower but correct.
        """
        try:
            http_session = client._endpoint.http_session
            if self._context is None:
                self._context = _like(http_session._get_ssl_context())
            http_session._manager.connection_pool_kw["ssl_context"] = self._context
            http_session._get_ssl_context = lambda: self._context  # for connections through a proxy
        except (AttributeError, KeyError, TypeError):
            return


def _like(own: ssl.SSLContext) -> ssl.SSLContext:
    """Return a caching context with the settings of the one that botocore created."""
    context = _CachingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = own.check_hostname  # off: urllib3 compares the names itself
    context.verify_mode = own.verify_mode
    context.options = own.options
    context.minimum_version = own.minimum_version
    context.post_handshake_auth = own.post_handshake_auth
    context.keylog_filename = own.keylog_filename
    return context
