# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One request, understood: which operation of which service, on what, by whom."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound

from .answers import Refusal
from .hosts import parse_host

READING_VERBS = ("Get", "Head", "List", "Describe", "Select", "Simulate", "Generate", "Assume", "Decode")
CREDENTIAL = re.compile(r"(?P<key_id>[^/=\s]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
DEFAULT_REGION = "us-east-1"
DEFAULT_REGIONS = {"amazonaws.com.cn": "cn-north-1", "amazonaws.eu": "eusc-de-east-1"}


@dataclass(frozen=True)
class Arrival:
    """A request as it came in.

    :ivar target: path and query, as sent
    :ivar secure: whether it came over TLS
    :ivar custom: whether it came to the plain endpoint, which is found by URL and not by an AWS name
    :ivar origin: ``client``, or the service (``sts``, ``iam``) that fetches an issuer's documents
    """

    method: str
    host: str
    target: str
    headers: Headers
    body: bytes = b""
    secure: bool = True
    custom: bool = False
    tls_version: str | None = None
    origin: str = "client"


@dataclass(frozen=True)
class Principal:
    """Who signed a request."""

    account_id: str
    arn: str


@dataclass
class Call:
    """:ivar region: the endpoint's region
    :ivar is_global: the host named no region
    :ivar principal: None for an anonymous client, set once the credentials are checked
    """

    arrival: Arrival
    service: str
    region: str
    is_global: bool
    bucket: str | None
    key: str | None
    request: Request
    operation: str
    model: OperationModel | None
    uri_parameters: dict[str, Any]
    principal: Principal | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def is_write(self) -> bool:
        """:return: whether the call may change something; an unknown operation is judged by its HTTP method"""
        if self.service == "sts":
            return False
        if self.model is None:
            return self.arrival.method not in ("GET", "HEAD", "OPTIONS")
        return not self.operation.startswith(READING_VERBS) and self.arrival.method != "OPTIONS"

    @property
    def is_signed(self) -> bool:
        """:return: whether credentials were sent, good or bad"""
        return self.arrival.headers.get("Authorization") is not None or self.key_id is not None

    @property
    def key_id(self) -> str | None:
        """:return: the access key id of a signature version 4, in the header or in a presigned URL"""
        return self._scope["key_id"] if self._scope else None

    @property
    def signed_region(self) -> str | None:
        """:return: the region a request was signed for"""
        return self._scope["region"] if self._scope else None

    @property
    def session_token(self) -> str | None:
        """:return: the session token that came with temporary credentials"""
        query = parse_qs(urlsplit(self.arrival.target).query)
        return self.arrival.headers.get("X-Amz-Security-Token") or query.get("X-Amz-Security-Token", [None])[0]

    @functools.cached_property
    def parameters(self) -> dict[str, Any]:
        """:return: the operation's input, parsed with its service model
        :raises Refusal: when it cannot be parsed
        """
        if self.model is None:
            return {}
        service_model = get_service_model(self.service)
        protocol = determine_request_protocol(service_model, self.request.content_type)
        try:
            return dict(
                PROTOCOL_PARSERS[protocol](self.model).parse(
                    {
                        "method": self.request.method,
                        "values": self.request.values,
                        "headers": self.request.headers,
                        "body": self.request.data,
                        "url_path": self.request.path,
                        "url_params": self.uri_parameters,
                    }
                )
            )
        except (RequestParserError, ValueError) as error:
            raise Refusal(400, "MalformedXML", "The XML you provided was not well-formed") from error

    @property
    def _scope(self) -> re.Match[str] | None:
        return credential_scope(self.arrival)


def credential_scope(arrival: Arrival) -> re.Match[str] | None:
    """:return: the parts of a signature's credential scope, or None for a request without one"""
    header = arrival.headers.get("Authorization", "")
    query = parse_qs(urlsplit(arrival.target).query).get("X-Amz-Credential", [""])[0]
    return CREDENTIAL.search(header or query)


def understand(arrival: Arrival) -> Call | None:
    """:return: the call that a request makes, or None if its host is not that of a service embedded here"""
    path, dummy, query = arrival.target.partition("?")
    scope = credential_scope(arrival)
    signed_region = scope["region"] if scope else None
    bucket: str | None = None
    is_global = False
    if arrival.custom:
        service = _service_at_custom_endpoint(arrival, path, scope["service"] if scope else None)
        region = signed_region or DEFAULT_REGION
        account = None
    else:
        host = parse_host(arrival.host)
        if host is None:
            return None
        service, account, bucket = host.service, host.account, host.bucket
        is_global = host.region is None
        fallback = DEFAULT_REGIONS.get(host.suffix, DEFAULT_REGION)
        region = host.region or (signed_region if service != "s3" and signed_region else fallback)
    if bucket:
        path = f"/{bucket}{path}"
    # moto understands AWS's names of the main partition best, and path style in every region.
    name = {"s3control": f"{account}.s3-control" if account else "s3-control"}.get(service, service)
    moto_host = f"{name}.{region}.amazonaws.com"
    url = f"https://{moto_host}{path}" + (f"?{query}" if query else "")
    request = Request.from_primitives(arrival.method, url, _headers_for_moto(arrival, moto_host), arrival.body)
    operation, model, uri_parameters = _operation(service, request, arrival.method)
    bucket, key = _bucket_and_key(path) if service == "s3" else (None, None)
    return Call(arrival, service, region, is_global, bucket, key, request, operation, model, uri_parameters)


def _service_at_custom_endpoint(arrival: Arrival, path: str, signed_service: str | None) -> str:
    if path.startswith("/v20180820/"):
        return "s3control"
    if signed_service in ("iam", "sts"):
        return signed_service
    # AssumeRoleWithWebIdentity is the one call of interest that is never signed.
    if arrival.method == "POST" and path == "/" and b"Action=AssumeRoleWith" in arrival.body:
        return "sts"
    return "s3"


def _headers_for_moto(arrival: Arrival, moto_host: str) -> Headers:
    headers = Headers()
    for name, value in arrival.headers.items():
        if name.lower() != "content-encoding":
            headers.add(name, value)
        # S3 takes this coding off and does not keep it:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
        elif kept := ",".join(coding for coding in _codings(value) if coding != "aws-chunked"):
            headers.add(name, kept)
    headers.set("Host", moto_host)
    return headers


def _codings(value: str) -> Iterable[str]:
    return (coding.strip() for coding in value.split(","))


def _operation(service: str, request: Request, method: str) -> tuple[str, OperationModel | None, dict[str, Any]]:
    try:
        model, uri_parameters = get_service_router(service).match(request)
    except (NotFound, NotImplementedError):
        return request.values.get("Action") or method, None, {}
    name = str(model.name)
    known = name in get_service_model(service).operation_names
    return name, model if known else None, dict(uri_parameters)


def _bucket_and_key(path: str) -> tuple[str | None, str | None]:
    bucket, dummy, key = path.lstrip("/").partition("/") if not path.startswith("//") else ("", "", "")
    return unquote(bucket) or None, unquote(key) or None
