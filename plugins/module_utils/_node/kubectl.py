# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the API servers of a cluster from one of its nodes, with kubectl and the administrator's kubeconfig.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import tools

# kubectl ends by itself after the first; the second is for one that hangs.
_REQUEST_SECONDS = 10
_PROGRAM_SECONDS = 20.0

# What kubectl prints for a Status with this reason:
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
_NOT_FOUND = "(NotFound)"


class Missing(Fault):
    """An API server answers that it has no such object."""


Run = t.Callable[..., tools.Ended]


class Kubectl:
    """Makes requests to the server of the kubeconfig or, with ``server``, to that one API server.

    Every method raises Fault with a whole sentence's predicate, such as "does not answer /readyz: …"; Missing for what
    is not there.
    """

    def __init__(self, kubeconfig: str, run: Run = tools.run, program: t.Sequence[str] = ("kubectl",)) -> None:
        self._command = [*program, f"--kubeconfig={kubeconfig}", f"--request-timeout={_REQUEST_SECONDS}s"]
        self._run = run

    @classmethod
    def found(cls, programs: t.Sequence[t.Sequence[str]], kubeconfigs: t.Sequence[str]) -> Kubectl:
        """Return the first of these programs, each with the words that call it, with the first of these kubeconfigs
        that this node has. Raises IrsaError if it has none.
        """
        paths = {words[0]: tools.find(words[0]) for words in programs}
        program = next(([path, *words[1:]] for words in programs for path in [paths[words[0]]] if path), None)
        if program is None:
            raise IrsaError(
                f"This host has no {' or '.join(' '.join(words) for words in programs)}, which is needed to ask its "
                "API server. Install it on every API server's host."
            )
        kubeconfig = next((path for path in kubeconfigs if os.path.exists(path)), kubeconfigs[0])
        return cls(kubeconfig, program=program)

    def get(self, path: str, server: str | None = None) -> t.Any:
        """Return a JSON document."""
        return _parsed(self.get_text(path, server), path)

    def get_text(self, path: str, server: str | None = None) -> str:
        """Return the body of an answer."""
        return self._ask(["get", "--raw", path], path, server=server)

    def create(self, path: str, body: t.Any, server: str | None = None) -> t.Any:
        """Create an object, and return the answer."""
        return _parsed(self._ask(["create", "--raw", path, "-f", "-"], path, server=server, body=body), path)

    def replace(self, path: str, body: t.Any, server: str | None = None) -> t.Any:
        """Replace an object, if it still has the ``resourceVersion`` of the body, and return the answer."""
        return _parsed(self._ask(["replace", "--raw", path, "-f", "-"], path, server=server, body=body), path)

    def _ask(self, arguments: list[str], path: str, *, server: str | None = None, body: t.Any = None) -> str:
        command = [*self._command, *([f"--server={server}"] if server else [])]
        stdin = b"" if body is None else json.dumps(body).encode()
        try:
            ended = self._run([*command, *arguments], stdin=stdin, seconds=_PROGRAM_SECONDS)
        except Fault as fault:
            raise Fault(f"cannot be asked for {path}: kubectl {fault}") from None
        if ended.return_code:
            kind = Missing if _NOT_FOUND in ended.reason else Fault
            raise kind(f"does not answer {path}: {ended.reason}")
        return ended.stdout.decode("utf-8", "replace")


def _parsed(text: str, path: str) -> t.Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Fault(f"answers {path} with something other than JSON") from None
