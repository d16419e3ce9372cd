# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the API server of a cluster for JSON, with the credentials of a kubeconfig, in bounded time and size."""

from __future__ import annotations

import os
import time
import typing as t

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

_MAX_BYTES = 1 << 20

# The members of a kubeconfig that are paths: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
_FILE_MEMBERS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")

# It allows both reads: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles
_CLUSTER_ROLE = "system:service-account-issuer-discovery"


class ApiServer:
    """The API server that a kubeconfig names."""

    def __init__(self, kubeconfig: str, timeout: float, context: str | None = None) -> None:
        """Read the kubeconfig; no request is made yet. Raises IrsaError if it cannot be used."""
        self._timeout = timeout
        configuration = kubernetes.client.Configuration()
        _require_readable(kubeconfig)
        try:
            kubernetes.config.load_kube_config(
                kubeconfig, context=context, client_configuration=configuration, persist_config=False
            )
        except (kubernetes.config.ConfigException, OSError, *_MALFORMED) as error:
            # A parser may quote the file in its error, and this file holds credentials.
            reason = str(error) if isinstance(error, kubernetes.config.ConfigException) else type(error).__name__
            raise IrsaError(f"The kubeconfig {files.shown(kubeconfig)} cannot be used: {reason.rstrip('.')}.") from None
        self._configuration = configuration
        self._pool = kubernetes.client.ApiClient(configuration).rest_client.pool_manager

    def get(self, path: str) -> t.Any:
        """Fetch a JSON document. Raises IrsaError with the reason if that fails."""
        # The JWKS is served as application/jwk-set+json. A client that accepts only application/json gets 406.
        headers = {"Accept": "*/*", **self._credentials()}
        try:
            answer = self._pool.request(
                "GET",
                self._configuration.host.rstrip("/") + path,
                headers=headers,
                timeout=urllib3.Timeout(self._timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = self._body(answer, path)
            answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Their text may repeat a header that holds credentials.
            raise IrsaError(
                f"GET {path} from the API server failed: {type(error).__name__}. Check the server in the kubeconfig, "
                "and the network."
            ) from None
        if answer.status != 200:
            raise IrsaError(f"The API server answers {path} with {answer.status}. {_remedy(answer.status)}".rstrip())
        try:
            return parse_json(body.decode("utf-8"))
        except ValueError:
            raise IrsaError(f"The answer of the API server for {path} is not JSON.") from None

    def _credentials(self) -> dict[str, str]:
        """Return the headers that authenticate the request, unless a client certificate does."""
        settings = self._configuration.auth_settings().values()
        return {each["key"]: each["value"] for each in settings if each.get("in") == "header" and each.get("value")}

    def _body(self, answer: t.Any, path: str) -> bytes:
        deadline = time.monotonic() + self._timeout
        body = b""
        for piece in answer.stream(1 << 16, decode_content=True):
            body += piece
            if len(body) > _MAX_BYTES:
                raise IrsaError(f"The API server sent more than 1 MiB for {path}.")
            if time.monotonic() > deadline:
                raise IrsaError(
                    f"The API server did not finish its answer for {path} within {self._timeout:g} seconds."
                )
        return body


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
    """Yield the paths in a kubeconfig. Raises TypeError or AttributeError for something else than one."""
    for section, member in (("clusters", "cluster"), ("users", "user")):
        for entry in document.get(section) or []:
            values = entry.get(member) or {}
            yield from (values[name] for name in _FILE_MEMBERS if isinstance(values.get(name), str))


def _remedy(status: int) -> str:
    if status == 401:
        return "It does not accept the credentials of the kubeconfig."
    if status == 403:
        return f"The user of the kubeconfig needs the ClusterRole {_CLUSTER_ROLE}."
    if status == 404:
        return "API servers before Kubernetes 1.20 do not serve it."
    return ""
