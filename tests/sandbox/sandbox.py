# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A running sandbox: its servers, its environment, and what a test may ask of it."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from .certificates import CertificateAuthority
from .endpoint import Endpoint
from .environment import client_environment, without_settings
from .faults import Faults
from .journal import Journal
from .pages import Page
from .servers import control_server, plain_server, proxy_server
from .state import Cloud, without_motos_policies


class Sandbox:
    """The embedded AWS, served by threads of this process.

    moto's state is global to the process, so only one sandbox can run in a process at a time.

    :param state_dir: a folder for certificates and the log; made when missing, and closed to others
    :ivar generation: how many times it has been reset
    """

    _running = threading.Lock()

    def __init__(self, state_dir: str | os.PathLike[str]) -> None:
        self.state_dir = Path(state_dir).resolve()
        self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.state_dir.chmod(0o700)
        self.stop_requested = threading.Event()
        self.generation = 0

    def __enter__(self) -> Sandbox:
        if not self._running.acquire(blocking=False):
            raise RuntimeError("A sandbox is already running in this process: moto's state is global.")
        with ExitStack() as stack:
            stack.callback(self._running.release)
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        stack.enter_context(without_motos_policies())
        self._authority = CertificateAuthority(self.state_dir)
        self._journal = Journal(self.state_dir / "calls.jsonl")
        self._faults = Faults()
        self._cloud = Cloud(self._authority.thumbprint)
        stack.callback(self._cloud.forget)
        self._endpoint = Endpoint(self._cloud, self._journal, self._faults)
        self._proxy = proxy_server(self._endpoint, self._authority)
        self._plain = plain_server(self._endpoint)
        self._control = control_server(self._control_actions())
        for server in (self._proxy, self._plain, self._control):
            stack.callback(server.server_close)
            # The poll is what `shutdown` waits for; requests do not.
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            stack.callback(server.shutdown)

    @property
    def account_id(self) -> str:
        """:return: the account that the environment's credentials belong to"""
        return self._cloud.account_id

    @property
    def proxy(self) -> str:
        """:return: URL of the forward proxy, whose port also takes TLS directly (curl's --connect-to)"""
        return f"http://{self._proxy.address}"

    @property
    def http_endpoint(self) -> str:
        """:return: URL of the plain endpoint, for AWS_ENDPOINT_URL"""
        return f"http://{self._plain.address}"

    @property
    def control_url(self) -> str:
        """:return: URL of the control API"""
        return f"http://{self._control.address}"

    @property
    def ca_path(self) -> Path:
        """:return: the root certificate, in PEM"""
        return self._authority.bundle

    @property
    def thumbprint(self) -> str:
        """:return: SHA-1 of the intermediate certificate that every host presents"""
        return self._authority.thumbprint

    @property
    def env(self) -> dict[str, str]:
        """:return: the variables that make a client use this sandbox; `REMOVED` must be unset beside them"""
        return {
            **client_environment(self.proxy, self.ca_path, self._cloud.operator(self.account_id)),
            "SANDBOX_HTTP_ENDPOINT": self.http_endpoint,
            "SANDBOX_LOG": str(self._journal.path),
            "SANDBOX_CONTROL": self.control_url,
            "SANDBOX_ACCOUNT_ID": self.account_id,
        }

    def environ(self) -> dict[str, str]:
        """:return: this process's environment, turned to the sandbox: ready for a subprocess"""
        return {**without_settings(), **self.env}

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """:return: the calls logged after the mark `since`"""
        return self._journal.entries(since)

    def mark(self) -> int:
        """:return: the present end of the log"""
        return self._journal.mark()

    def reset(self) -> None:
        """Empties every account and clears the faults. The log and the credentials stay."""
        self.generation += 1
        self._endpoint.reset()

    def credentials(self, account_id: str) -> dict[str, str]:
        """:return: keyword arguments for a boto3 client: an administrator of another account"""
        credentials = self._cloud.operator(account_id)
        return {
            "aws_access_key_id": credentials.access_key_id,
            "aws_secret_access_key": credentials.secret_access_key,
        }

    def fail(
        self,
        operation: str | None = None,
        *,
        after_writes: int | None = None,
        status: int = 403,
        code: str = "AccessDenied",
        message: str = "Access Denied",
        times: int = 1,
    ) -> None:
        """Makes something go wrong, until `clear_faults`.

        :param operation: such as ``s3:PutBucketPolicy``: answered `times` times with the error, and not executed
        :param after_writes: let so many more writes succeed, then drop every request without executing it
        :raises ValueError: when neither or both are given
        """
        if (operation is None) == (after_writes is None):
            raise ValueError("Give either an operation or after_writes.")
        if operation is not None:
            self._faults.answer(operation, status=status, code=code, message=message, times=times)
        elif after_writes is not None:
            self._faults.refuse_after(after_writes)

    def clear_faults(self) -> None:
        """Takes back every `fail`."""
        self._faults.clear()

    def set_reachable(self, host: str, reachable: bool) -> None:
        """Says whether IAM and STS can fetch documents from `host`."""
        if reachable:
            self._cloud.unreachable.discard(host)
        else:
            self._cloud.unreachable.add(host)

    def serve_page(self, host: str, path: str, body: str, *, content_type: str = "application/json") -> None:
        """Serves a document at ``https://<host><path>``, a host that is not AWS's, until `reset`."""
        self._cloud.pages.put(host, path, Page(body.encode(), content_type))

    def _control_actions(self) -> dict[tuple[str, str], Any]:
        return {
            ("GET", "/health"): lambda body: {"account_id": self.account_id, "thumbprint": self.thumbprint},
            ("GET", "/log"): lambda body: self.log(int(body.get("since", 0))),
            ("GET", "/mark"): lambda body: self.mark(),
            ("POST", "/reset"): lambda body: self.reset(),
            ("POST", "/faults"): lambda body: self.fail(**body),
            ("DELETE", "/faults"): lambda body: self.clear_faults(),
            ("POST", "/credentials"): lambda body: self.credentials(body["account_id"]),
            ("POST", "/reachable"): lambda body: self.set_reachable(body["host"], bool(body["reachable"])),
            ("POST", "/pages"): lambda body: self.serve_page(**body),
            ("POST", "/stop"): lambda body: self.stop_requested.set(),
        }
