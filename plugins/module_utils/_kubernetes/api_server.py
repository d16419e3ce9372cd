# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the API server of a cluster for JSON, with the credentials of a kubeconfig, in bounded time and size."""

from __future__ import annotations

import copy
import datetime
import email.utils
import json
import os
import re
import time
import typing as t
from urllib.parse import urlencode, urlsplit

try:
    import kubernetes.client
    import kubernetes.config
    import urllib3
    import yaml

    KUBERNETES_IMPORT_ERROR: ImportError | None = None
    # What reading a file that is no kubeconfig may raise, here and in the library.
    _MALFORMED = (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
except ImportError as import_error:
    KUBERNETES_IMPORT_ERROR = import_error

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import Redaction
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import Call, RequestFailed

# The least release that kubernetes.core supports, too.
KUBERNETES_REQUIREMENT = "kubernetes>=24.2"

_MIB = 1 << 20
# etcd keeps no object that is larger than 1.5 MiB, so a page of a list is the only answer that may be long:
# https://etcd.io/docs/v3.6/dev-guide/limit/
_MAX_MIB, _MAX_LIST_MIB = 2, 64
_PAGE = 250

# The members of a kubeconfig that are paths: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
_FILE_MEMBERS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")

# A name that the certificate of every API server has, since pods reach it under this name in each cluster:
# https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
_SERVER_NAME = "kubernetes.default.svc"

Query = t.Mapping[str, t.Any]


class ApiServer:
    """An API server that is asked with the credentials of a kubeconfig."""

    def __init__(self, kubeconfig: str, timeout: float, context: str | None = None) -> None:
        """Read the kubeconfig, which names the server; no request is made yet. Raises IrsaError if it cannot be used.

        ``timeout`` is in seconds, for each request.
        """
        configuration = kubernetes.client.Configuration()
        _require_readable(kubeconfig)
        try:
            # Read once, so that it is known which one was used if another becomes the current one meanwhile.
            self.context = context or str(kubernetes.config.list_kube_config_contexts(kubeconfig)[1]["name"])
            kubernetes.config.load_kube_config(
                kubeconfig, context=self.context, client_configuration=configuration, persist_config=False
            )
        except (kubernetes.config.ConfigException, OSError, *_MALFORMED) as error:
            raise IrsaError(f"The kubeconfig {files.shown(kubeconfig)} cannot be used: {_reason(error)}.") from None
        self._timeout = timeout
        self._configuration = configuration
        self.url: str = configuration.host.rstrip("/")
        self._pool = _pool_of(configuration)

    @property
    def address(self) -> str:
        """Host and port of the server."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def at(self, address: str) -> ApiServer:
        """Return another API server of the cluster, by its address (host and port), for the same credentials.

        Its certificate must be of the kubeconfig's CA and for a name that the servers of all clusters have.
        """
        url, other = f"https://{address}", copy.copy(self)
        configuration = copy.copy(self._configuration)
        configuration.host = url
        # Early releases of the library lack the attribute, and compare the certificate with the address.
        configuration.tls_server_name = getattr(configuration, "tls_server_name", None) or _SERVER_NAME
        # The configuration cannot be kept: when it renews a credential, it takes its host from the kubeconfig again.
        vars(other).update(url=url, _pool=_pool_of(configuration))
        return other

    # --- requests; each raises RequestFailed with the reason if it is not fulfilled

    # The JWKS is served as application/jwk-set+json. A client that accepts only application/json gets 406.
    def get(self, path: str, query: Query | None = None, *, accept: str = "*/*") -> t.Any:
        """Fetch a JSON document, in one of the media types that ``accept`` names."""
        return self._ask("GET", path, query=query, accept=accept)

    def get_text(self, path: str) -> str:
        """Fetch a text, such as metrics or the answer of a program behind the API server."""
        content = self._exchange("GET", path, query=None, max_mib=_MAX_LIST_MIB)
        return content.decode("utf-8", "replace")

    def find(self, path: str, query: Query | None = None) -> t.Any:
        """Fetch a JSON document; None if there is none."""
        try:
            return self.get(path, query)
        except RequestFailed as failure:
            if failure.status == 404:
                return None
            raise

    def list_items(self, path: str, query: Query | None = None) -> list[t.Any]:
        """Return all objects of a list, however many pages it has.

        https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
        """
        found: list[t.Any] = []
        page: Query = {"limit": _PAGE, **(query or {})}
        while True:
            document = self._ask("GET", path, query=page, max_mib=_MAX_LIST_MIB)
            if not isinstance(document, dict) or "items" not in document:
                raise self._call("GET", path).unusable("sent something other than a list")
            found += document["items"] or []
            mark = (document.get("metadata") or {}).get("continue")
            if not mark:
                return found
            page = {**page, "continue": mark}

    def post(self, path: str, body: t.Any, query: Query | None = None) -> t.Any:
        """Create an object, or ask for something by one, such as a TokenRequest. Return the server's answer."""
        return self._ask("POST", path, query=query, body=body, media_type="application/json")

    def patch(
        self, path: str, body: t.Any, query: Query | None = None, *, media_type: str = "application/merge-patch+json"
    ) -> t.Any:
        """Change an object by a patch (RFC 7386, unless ``media_type`` names another kind). Return the object."""
        return self._ask("PATCH", path, query=query, body=body, media_type=media_type)

    def delete(self, path: str) -> t.Any:
        """Delete an object. Return the server's answer."""
        return self._ask("DELETE", path, query=None)

    def time(self) -> datetime.datetime:
        """Return the server's time (RFC 9110, section 6.6.1), and ours if it does not say it."""
        # All users that are known may see this: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
        answer, dummy = self._send(self._call("GET", "/version"), query=None, headers=self._credentials())
        try:
            return email.utils.parsedate_to_datetime(answer.headers["Date"]).astimezone(datetime.timezone.utc)
        except (KeyError, TypeError, ValueError, OverflowError):
            return datetime.datetime.now(datetime.timezone.utc)

    # --- one request

    def _ask(self, method: str, path: str, *, query: Query | None, **options: t.Any) -> t.Any:
        """Send a request with the options of ``_exchange``, and return the JSON of the answer."""
        content = self._exchange(method, path, query=query, **options)
        try:
            return parse_json(content.decode("utf-8"))
        except ValueError:
            raise self._call(method, path).unusable("sent something other than JSON") from None

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        query: Query | None,
        body: t.Any = None,
        accept: str = "*/*",
        media_type: str = "",
        max_mib: int = _MAX_MIB,
    ) -> bytes:
        """Return what an answer has in it. Raises RequestFailed if there is none, or if it refuses the request."""
        call = self._call(method, path)
        credentials = self._credentials()
        headers = {"Accept": accept, **credentials, **({"Content-Type": media_type} if media_type else {})}
        answer, content = self._send(call, query=query, headers=headers, body=body, max_mib=max_mib)
        if not 200 <= answer.status < 300:
            hidden = Redaction([*_secrets_in(credentials), *_secrets_in(body)])
            raise call.refused(answer.status, content, hidden.over)
        return content

    def _send(
        self, call: Call, *, query: Query | None, headers: dict[str, str], body: t.Any = None, max_mib: int = _MAX_MIB
    ) -> tuple[t.Any, bytes]:
        """Return an answer, whatever its status, and its content. Raises RequestFailed if there is none."""
        try:
            answer = self._pool.request(
                call.method,
                self.url + call.path + (f"?{urlencode(query)}" if query else ""),
                headers=headers,
                body=None if body is None else json.dumps(body),
                timeout=urllib3.Timeout(self._timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            content = self._content(answer, call, max_mib)
            answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise call.unanswered(error) from None
        return answer, content

    def _call(self, method: str, path: str) -> Call:
        return Call(self.address, method, path)

    def _credentials(self) -> dict[str, str]:
        """Return the headers that authenticate the request, unless a client certificate does."""
        settings = self._configuration.auth_settings().values()
        return {each["key"]: each["value"] for each in settings if each.get("in") == "header" and each.get("value")}

    def _content(self, answer: t.Any, call: Call, max_mib: int) -> bytes:
        deadline = time.monotonic() + self._timeout
        pieces, size = [], 0
        for piece in answer.stream(1 << 16, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > max_mib * _MIB:
                raise call.unusable(f"sent more than {max_mib} MiB")
            if time.monotonic() > deadline:
                raise call.unusable(f"did not finish its answer within {self._timeout:g} seconds")
        return b"".join(pieces)


def _reason(error: Exception) -> str:
    """Return why a kubeconfig cannot be used, without what is in it: it holds credentials."""
    if not isinstance(error, kubernetes.config.ConfigException):
        return type(error).__name__  # a parser may quote the file
    # The library names a place in the file by everything that is there.
    return re.sub(r"\{.*\}", "…", str(error), flags=re.DOTALL).rstrip(".")


def _pool_of(configuration: t.Any) -> t.Any:
    """Return the library's connections: its certificates, and a proxy if the environment names one."""
    if not configuration.verify_ssl:
        # The kubeconfig says so. urllib3 would warn of it with each request.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return kubernetes.client.ApiClient(configuration).rest_client.pool_manager


def _secrets_in(value: t.Any) -> t.Iterator[str]:
    """Yield the longer texts in what was sent, which an answer may repeat: credentials, and a token to review or
    a private key."""
    if isinstance(value, str):
        yield from (part for part in value.split() if len(part) >= 16)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in ("Authorization", "authorization", "spec", "token", "data", "tls.key"):
                yield from _secrets_in(inner)


def _require_readable(kubeconfig: str) -> None:
    """Raise IrsaError if the library would read a file that it would wait for, or that is none.

    A kubeconfig may be several files, and names others.
    """
    paths = [os.path.expanduser(path) for path in kubeconfig.split(os.pathsep) if path]
    try:
        for path in paths:
            content = files.read(path)
            if content is not None:
                for named in _files_named_in(yaml.safe_load(content)):
                    files.require_readable(os.path.join(os.path.dirname(path), named))
    except IrsaError as error:
        raise IrsaError(f"The kubeconfig {files.shown(kubeconfig)} cannot be used: {error}") from None
    except _MALFORMED:
        return  # the library says so


def _files_named_in(document: t.Any) -> t.Iterator[str]:
    """Yield the paths in a kubeconfig. Raises TypeError or AttributeError for something other than one."""
    for section, member in (("clusters", "cluster"), ("users", "user")):
        for entry in document.get(section) or []:
            values = entry.get(member) or {}
            yield from (values[name] for name in _FILE_MEMBERS if isinstance(values.get(name), str))
