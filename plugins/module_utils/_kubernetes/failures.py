# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a request to an API server failed, and which right is missing if it was refused."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

DISCOVERY_PATH = "/.well-known/openid-configuration"
JWKS_PATH = "/openid/v1/jwks"

# It allows both reads: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles
_CLUSTER_ROLE = "system:service-account-issuer-discovery"

# https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb
_VERBS = {"GET": "get", "POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


class RequestFailed(IrsaError):
    """A request that an API server did not fulfil.

    ``status`` is that of its answer, None if there was no answer; ``reason`` is a word of Kubernetes for it, such as
    AlreadyExists, if the answer has one. ``cause`` says why, as a fragment without the request.
    """

    def __init__(self, message: str, *, cause: str, status: int | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause
        self.status = status
        self.reason = reason


class Call(t.NamedTuple):
    """A request, as messages name it: to which server (host and port), the method, and the path without a query."""

    address: str
    method: str
    path: str

    def unanswered(self, error: Exception) -> RequestFailed:
        """Return the failure of a request that got no whole answer, for what the library raised."""
        cause = _cause(error)
        return RequestFailed(
            f"{self.method} {self.path} from the API server at {self.address} failed: {cause}. Check the server in the "
            "kubeconfig, and the network.",
            cause=cause,
        )

    def unusable(self, cause: str) -> RequestFailed:
        """Return the failure of a request whose answer cannot be used."""
        return RequestFailed(f"The API server at {self.address} {cause} for {self.path}.", cause=f"it {cause}")

    def refused(self, status: int, body: bytes, hide: t.Callable[[str], str]) -> RequestFailed:
        """Return the failure of a request that was answered with an error. ``hide`` removes credentials from a text."""
        said, reason = _said(body)
        text = f": {quoted(hide(said))}" if said else ""
        message = f"The API server at {self.address} answers {self.method} {self.path} with {status}{text}."
        remedy = self._remedy(status, said)
        return RequestFailed(
            f"{message} {remedy}".rstrip(), cause=f"it answers with {status}{text}", status=status, reason=reason
        )

    def _remedy(self, status: int, said: str) -> str:
        is_document = self.path in (DISCOVERY_PATH, JWKS_PATH)
        if status == 401:
            return "It does not accept the credentials of the kubeconfig."
        if status == 403 and is_document:
            return f"The user of the kubeconfig needs the ClusterRole {_CLUSTER_ROLE}."
        # A policy refuses with 403, too. Only RBAC says what the user cannot do.
        if status == 403 and (not said or " cannot " in said):
            return f"The user of the kubeconfig needs {permission(self.method, self.path)}."
        if status == 404 and is_document:
            return "API servers before Kubernetes 1.20 do not serve it."
        return ""


def permission(method: str, path: str) -> str:
    """Return the right that a request needs, as RBAC names it: the verb, the resource, its API group and namespace."""
    verb = _VERBS.get(method, method.lower())
    kind, dummy, rest = path.strip("/").partition("/")
    # /api/VERSION/… and /apis/GROUP/VERSION/…
    parts = rest.split("/")
    group, names = ("", parts[1:]) if kind == "api" else (parts[0], parts[2:])
    if kind not in ("api", "apis") or not names:
        return f"the verb {verb} on the non-resource URL {path}"
    namespace = ""
    if names[0] == "namespaces" and len(names) > 2:
        namespace, names = names[1], names[2:]
    if method == "GET" and len(names) == 1:
        verb = "list"
    # What follows a subresource is its own path, such as that of a program behind services/proxy.
    resource = "/".join([names[0], *names[2:3]])
    return (
        f"the verb {verb} on {resource}"
        + (f" of the API group {group}" if group else "")
        + (f" in namespace {namespace}" if namespace else "")
    )


def _said(body: bytes) -> tuple[str, str | None]:
    """Return the message and the reason in a Status object, as far as the answer is one.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    try:
        status = parse_json(body.decode("utf-8"))
    except ValueError:
        return "", None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        return "", None
    message, reason = status.get("message"), status.get("reason")
    return message if isinstance(message, str) else "", reason if isinstance(reason, str) else None


def _cause(error: Exception) -> str:
    """Return why there is no answer. The text of most exceptions is left out: it may repeat a header."""
    names = {type(each).__name__: each for each in _chain(error)}
    if "ConnectTimeoutError" in names or "ReadTimeoutError" in names or "TimeoutError" in names:
        return "no answer in time"
    certificate = names.get("SSLCertVerificationError")
    if certificate is not None:
        return f"its certificate is not accepted: {getattr(certificate, 'verify_message', '')}".rstrip(":. ")
    if "NameResolutionError" in names or "gaierror" in names:
        return "its name cannot be resolved"
    system = next((each for each in names.values() if isinstance(each, OSError) and each.strerror), None)
    return str(system.strerror) if system is not None else type(error).__name__


def _chain(error: BaseException | None) -> t.Iterator[BaseException]:
    """Yield an exception and those that caused it; urllib3 also keeps them as its first or last argument."""
    for _level in range(5):
        if error is None:
            return
        yield error
        wrapped = (each for each in (getattr(error, "reason", None), *error.args) if isinstance(each, BaseException))
        error = error.__cause__ or error.__context__ or next(wrapped, None)
