# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real HTTPS server on a loopback port, its certificate authority, and a forward proxy."""

from __future__ import annotations

import datetime
import http.server
import socket
import ssl
import threading
import typing as t
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)

# An answer: status, headers, and the body in pieces, which may never end.
Reply = tuple[int, dict[str, str], t.Iterable[bytes]]


class Certified(t.NamedTuple):
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)


def certify(
    name: str,
    issuer: Certified | None = None,
    hosts: t.Sequence[str] = (),
    *,
    valid: tuple[datetime.datetime, datetime.datetime] = (NOW - DAY, NOW + 30 * DAY),
) -> Certified:
    """A certificate of a server for ``hosts``, or of a CA without them; self-signed without an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer or Certified(t.cast(x509.Certificate, None), key)
    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=not hosts, crl_sign=not hosts, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
    )
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return Certified(builder.sign(signer.key, hashes.SHA256()), key)


HOST = "irsa.example.test"

# Created at import, since ansible-test runs each test in its own process.
ROOT = certify("Test root CA")
INTERMEDIATE = certify("Test intermediate CA", ROOT)
LEAF = certify("Test server", INTERMEDIATE, [HOST])


class HttpsServer:
    """Serves ``replies`` (by path) until it is stopped; ``requests`` are those that arrived, with their headers, and
    ``bodies`` what came with them.

    ``oldest`` and ``newest`` are the TLS versions that it accepts, by default Python's. It closes a connection after
    each answer unless it ``keeps_open``, which needs answers with a Content-Length; ``connections`` counts those that
    were opened.
    """

    def __init__(
        self,
        folder: Path,
        chain: t.Sequence[Certified],
        *,
        oldest: ssl.TLSVersion | None = None,
        newest: ssl.TLSVersion | None = None,
        keeps_open: bool = False,
    ) -> None:
        self.connections = 0
        self.replies: dict[str, t.Callable[[], Reply]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.stopping = threading.Event()
        file = folder / "server.pem"
        leaf_key = chain[0].key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(leaf_key + b"".join(each.pem for each in chain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        if oldest is not None:
            context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL refuses versions that old without it
            context.minimum_version = oldest
        if newest is not None:
            context.maximum_version = newest
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1" if keeps_open else "HTTP/1.0"

            def setup(self) -> None:
                # Here, in the connection's own thread, so that a client that gives up does not stop the others.
                self.request = context.wrap_socket(self.request, server_side=True)
                outer.connections += 1
                super().setup()

            def do_POST(self) -> None:  # http.server sets the name
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.do_GET()

            do_PATCH = do_POST

            def do_GET(self) -> None:
                outer.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                status, headers, body = outer.replies.get(self.path, lambda: (404, {}, [b"nothing here"]))()
                # The other one sends the time of this machine, too.
                (self.send_response_only if "Date" in headers else self.send_response)(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for piece in body:
                    self.wfile.write(piece)

            def log_message(self, *ignored: t.Any) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def serve(self, path: str, body: bytes, status: int = 200, **headers: str) -> None:
        more = {"Content-Length": str(len(body)), **headers}
        self.replies[path] = lambda: (status, more, [body])

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # A client whose connection finds the queue full tries again only after a second, then after three more.
    request_queue_size = 128

    def handle_error(self, *ignored: t.Any) -> None:
        """Say nothing: the tests break connections on purpose."""


class ForwardProxy:
    """An HTTP proxy that connects to one address, whatever it is asked for; ``requests`` are the heads that arrived."""

    def __init__(self, target: str, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self.requests: list[str] = []
        self._target = target
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def stop(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(4096)
            if not piece:
                return
            head += piece
        self.requests.append(head.decode())
        client.sendall(self._answer)
        if b" 200 " not in self._answer:
            client.close()
            return
        host, _colon, port = self._target.rpartition(":")
        server = socket.create_connection((host, int(port)))
        threading.Thread(target=_pump, args=(server, client), daemon=True).start()
        _pump(client, server)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side has closed
