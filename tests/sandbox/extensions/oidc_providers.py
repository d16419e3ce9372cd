# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM OIDC providers: the client ID calls moto lacks, and the input AWS refuses.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from moto.core.exceptions import ServiceException
from moto.iam.models import IAMBackend, OpenIDConnectProvider
from moto.utilities.utils import get_partition

from ..answers import Answer, Refusal, query_result
from ..call import Call
from ..hosts import parse_host
from ..state import iam_of
from .site import Site

MAXIMUM_CLIENT_IDS = 100
MAXIMUM_PROVIDERS = 100
MAXIMUM_THUMBPRINTS = 5
PROVIDER_ARN = re.compile(r"^arn:(?P<partition>[a-z-]+):iam::(?P<account>\d{12}):oidc-provider/.+$")


def handle(site: Site, call: Call) -> Answer | None:
    """Answers the calls that moto lacks or is careless about; checks the ARN of the others.

    :raises Refusal: for input AWS refuses
    """
    if call.service != "iam" or "OpenIDConnectProvider" not in call.operation or call.principal is None:
        return None
    backend = iam_of(call.principal.account_id, call.region)
    arn = call.parameters.get("OpenIDConnectProviderArn")
    if arn is not None:
        _check_arn(call, arn)
    handler = HANDLERS.get(call.operation)
    if handler is None:
        return None
    try:
        return query_result("iam", call.operation, handler(site, backend, call.parameters))
    except ServiceException as error:
        status = {"NoSuchEntity": 404, "EntityAlreadyExists": 409, "LimitExceeded": 409}.get(error.code, 400)
        raise Refusal(status, error.code, error.message) from error


def _create(site: Site, backend: IAMBackend, parameters: dict[str, Any]) -> str:
    url = _checked_url(parameters.get("Url", ""))
    client_ids = parameters.get("ClientIDList", [])
    for client_id in client_ids:
        _check_client_id(client_id)
    if len(client_ids) > MAXIMUM_CLIENT_IDS:
        raise _too_many_client_ids()
    thumbprints = _checked_thumbprints(parameters.get("ThumbprintList", []))
    arn = f"arn:{get_partition(backend.region_name)}:iam::{backend.account_id}:oidc-provider/{url[len('https://') :]}"
    if arn in backend.open_id_providers:
        raise Refusal(409, "EntityAlreadyExists", f"Provider with url {url} already exists.")
    if len(backend.open_id_providers) >= MAXIMUM_PROVIDERS:
        message = f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {MAXIMUM_PROVIDERS}"
        raise Refusal(409, "LimitExceeded", message)
    if not thumbprints:
        # IAM opens a connection to the issuer to make up the list itself.
        _check_reachable(site, url)
        thumbprints = [site.cloud.thumbprint]
    provider = backend.create_open_id_connect_provider(url, thumbprints, client_ids, parameters.get("Tags", []))
    return f"<OpenIDConnectProviderArn>{provider.arn}</OpenIDConnectProviderArn>"


def _update_thumbprints(_site: Site, backend: IAMBackend, parameters: dict[str, Any]) -> str:
    provider = _provider(backend, parameters)
    thumbprints = _checked_thumbprints(parameters.get("ThumbprintList", []))
    if not thumbprints:
        raise Refusal(400, "InvalidInput", "Thumbprint list must contain at least one entry.")
    provider.thumbprint_list = thumbprints
    return ""


def _add_client_id(_site: Site, backend: IAMBackend, parameters: dict[str, Any]) -> str:
    provider = _provider(backend, parameters)
    client_id = parameters.get("ClientID", "")
    _check_client_id(client_id)
    if client_id not in provider.client_id_list:
        if len(provider.client_id_list) >= MAXIMUM_CLIENT_IDS:
            raise _too_many_client_ids()
        provider.client_id_list = [*provider.client_id_list, client_id]
    return ""


def _remove_client_id(_site: Site, backend: IAMBackend, parameters: dict[str, Any]) -> str:
    provider = _provider(backend, parameters)
    client_id = parameters.get("ClientID", "")
    _check_client_id(client_id)
    provider.client_id_list = [known for known in provider.client_id_list if known != client_id]
    return ""


def _delete(_site: Site, backend: IAMBackend, parameters: dict[str, Any]) -> str:
    # The reference calls this idempotent; the service answers NoSuchEntity to the second one.
    del backend.open_id_providers[_provider(backend, parameters).arn]
    return ""


HANDLERS: dict[str, Callable[[Site, IAMBackend, dict[str, Any]], str]] = {
    "AddClientIDToOpenIDConnectProvider": _add_client_id,
    "CreateOpenIDConnectProvider": _create,
    "DeleteOpenIDConnectProvider": _delete,
    "RemoveClientIDFromOpenIDConnectProvider": _remove_client_id,
    "UpdateOpenIDConnectProviderThumbprint": _update_thumbprints,
}


def _provider(backend: IAMBackend, parameters: dict[str, Any]) -> OpenIDConnectProvider:
    return backend.get_open_id_connect_provider(parameters["OpenIDConnectProviderArn"])


def _check_arn(call: Call, arn: str) -> None:
    assert call.principal is not None
    match = PROVIDER_ARN.match(arn)
    if match is None or match["partition"] != get_partition(call.region):
        raise Refusal(400, "ValidationError", f"Invalid ARN: {arn}")
    if match["account"] != call.principal.account_id:
        message = f"User: {call.principal.arn} is not authorized to perform: iam:{call.operation} on resource: {arn}"
        raise Refusal(403, "AccessDenied", message)


def _checked_url(url: str) -> str:
    """:return: the URL as it is stored, without the default port"""
    if not 1 <= len(url) <= 255:
        raise _validation(url, "url", "Member must have length less than or equal to 255")
    parts = urlsplit(url)
    invalid = Refusal(400, "ValidationError", "Invalid Open ID Connect Provider URL")
    if parts.scheme != "https" or not parts.hostname or "?" in url or "#" in url or "@" in parts.netloc:
        raise invalid
    try:
        port = parts.port
    except ValueError:
        raise invalid from None
    if port not in (None, 443):
        raise invalid
    return f"https://{parts.netloc.removesuffix(':443')}{parts.path}"


def _checked_thumbprints(thumbprints: list[str]) -> list[str]:
    """:return: the list as it is stored; neither hexadecimal digits nor duplicates are looked at"""
    if any(len(thumbprint) != 40 for thumbprint in thumbprints):
        raise _validation(str(thumbprints), "thumbprintList", "Member must have length equal to 40")
    if len(thumbprints) > MAXIMUM_THUMBPRINTS:
        raise Refusal(400, "InvalidInput", "Thumbprint list must contain fewer than 5 entries.")
    return [thumbprint.lower() for thumbprint in thumbprints]


def _check_client_id(client_id: str) -> None:
    if not 1 <= len(client_id) <= 255:
        raise _validation(client_id, "clientID", "Member must have length between 1 and 255")


def _check_reachable(site: Site, url: str) -> None:
    host = urlsplit(url).netloc
    known = parse_host(host)
    # Of a host that is not here nothing is known but what a test says.
    if (known is not None and known.service == "s3") or site.cloud.pages.has_host(host):
        answer = site.fetch(host, urlsplit(url).path.rstrip("/") + "/.well-known/openid-configuration", origin="iam")
        reachable = answer is not None and answer.status == 200
    else:
        reachable = host not in site.cloud.unreachable
    if not reachable:
        raise Refusal(400, "OpenIdIdpCommunicationError", f"Could not connect to the identity provider {url}")


def _validation(value: str, key: str, constraint: str) -> Refusal:
    message = f"1 validation error detected: Value '{value}' at '{key}' failed to satisfy constraint: {constraint}"
    return Refusal(400, "ValidationError", message)


def _too_many_client_ids() -> Refusal:
    message = f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {MAXIMUM_CLIENT_IDS}"
    return Refusal(409, "LimitExceeded", message)
