# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS API calls: one place where each is made, retried, recorded and, when it fails, explained."""

from __future__ import annotations

import typing as t

try:
    from botocore import exceptions, xform_name
except ImportError:
    pass  # the module that wants it says so

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import permissions
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.read_ahead import ReadAhead

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled", "403")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
_UNKNOWN = (
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "AuthFailure",
    "InvalidToken",
    "IncompleteSignature",
)
_UNSUPPORTED = (
    "NotImplemented",
    "MethodNotAllowed",
    "UnknownOperation",
    "UnknownOperationException",
    "InvalidAction",
    "405",
    "501",
)

# From the message of a PutBucketPolicy that Block Public Access refuses:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
_PUBLIC_BLOCKED = "public policies are"

# Somebody else wrote at the same time: read again, plan again.
_CONFLICTS = (
    "PreconditionFailed",
    "412",
    "ConditionalRequestConflict",
    "OperationAborted",
    "BucketAlreadyOwnedByYou",
    "EntityAlreadyExists",
)

# botocore retries throttling and broken connections on its own; these are left to its caller. IAM asks to repeat a
# ConcurrentModification, and what was published a moment ago may not be readable from everywhere yet.
_REPEATED = (
    "ConcurrentModification",
    "ConcurrentModificationException",
    "OpenIdIdpCommunicationError",
    "OpenIdIdpCommunicationErrorException",
)


class CallFailed(IrsaError):
    """An API call that failed, explained. ``code`` is the service's error code, empty where no answer came."""

    def __init__(self, message: str, call: str, code: str = "", status: int = 0, **details: t.Any) -> None:
        super().__init__(message, call=call, **details)
        self.call = call
        self.code = code
        self.status = status

    @property
    def denied(self) -> bool:
        """The credentials may not make this call, or not on this resource."""
        return self.code in DENIED

    @property
    def unsupported(self) -> bool:
        """The endpoint does not know this call, as S3-compatible stores do not know some."""
        return self.code in _UNSUPPORTED or self.status in (405, 501)

    @property
    def conflict(self) -> bool:
        """Somebody else wrote at the same time."""
        return self.code in _CONFLICTS or (self.call == "s3:PutObject" and self.code == "NoSuchKey")


class Aws:
    """Makes API calls with ready clients, and keeps the IAM actions that they need in ``permissions``.

    ``clients`` maps service names (``s3``, ``s3control``, ``iam``, ``sts``) to boto3 clients.
    """

    def __init__(self, clients: t.Mapping[str, t.Any]) -> None:
        self.clients = clients
        self.permissions: set[str] = set()
        self.caller_account: t.Optional[str] = None  # once it was looked up
        self._ahead = ReadAhead()

    def client(self, service: str) -> t.Any:
        """The boto3 client of a service; raises IrsaError where it cannot be made (no region, no such profile)."""
        try:
            return self.clients[service]
        except (exceptions.BotoCoreError, ValueError) as error:
            raise explained(error, service, "", "", ()) from None

    def has_credentials(self) -> bool:
        """Whether there are credentials to call with; raises IrsaError where looking for them fails (no such profile).

        Ready clients have theirs.
        """
        look = getattr(self.clients, "has_credentials", None)
        try:
            return look is None or look()
        except (exceptions.BotoCoreError, ValueError) as error:
            raise explained(error, "credentials", "", "", ()) from None

    def as_a_stranger(self, service: str, default_region: str) -> Aws:
        """The same API for calls of one service that need no credentials: nothing is signed or looked up. Raises
        IrsaError.
        """
        make = getattr(self.clients, "of_a_stranger", None)
        try:
            return Aws({service: self.clients[service] if make is None else make(service, default_region)})
        except (exceptions.BotoCoreError, ValueError) as error:
            raise explained(error, service, "", "", ()) from None

    def begin(self, service: str, operation: str, **params: t.Any) -> None:
        """Start a read that ``call`` will be asked for with the same parameters, beside others that do not depend on
        it.

        Raises CallFailed where there is no client; what else goes wrong is raised by ``call``.
        """
        self._ahead.begin(service, operation, params, self._patiently(service, operation))

    def forget_begun(self) -> None:
        """Drop the answers of reads that were begun and not asked for, before something is written."""
        self._ahead.forget()

    def _patiently(self, service: str, operation: str, repeat: t.Sequence[str] = ()) -> t.Callable[..., t.Any]:
        method = getattr(self.client(service), xform_name(operation))
        codes = (*_REPEATED, *repeat)
        patient = AWSRetry.jittered_backoff(retries=5, delay=1, max_delay=8, catch_extra_error_codes=codes)
        return patient(_in_aws_form(method))

    def call(
        self,
        service: str,
        operation: str,
        on: str,
        absent: t.Container[str] = (),
        needs: t.Optional[t.Sequence[str]] = None,
        repeat: t.Sequence[str] = (),
        **params: t.Any,
    ) -> t.Optional[dict[str, t.Any]]:
        """Make one API call and return its answer, or None when it fails with one of the codes in ``absent``.

        ``on`` says on what, for messages. ``needs`` are the IAM actions where they are not those of the call's name,
        ``repeat`` further error codes after which it is made again. Raises CallFailed.
        """
        actions = permissions.needed(service, operation) if needs is None else tuple(needs)
        self.permissions.update(actions)
        begun = self._ahead.take(service, operation, params)
        try:
            return self._patiently(service, operation, repeat)(**params) if begun is None else begun.result()
        except exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in absent:
                return None
            raise explained(error, service, operation, on, actions) from None
        except (exceptions.BotoCoreError, exceptions.HTTPClientError, ValueError) as error:
            raise explained(error, service, operation, on, actions) from None

    def pages(self, service: str, operation: str, on: str, **params: t.Any) -> t.Iterator[dict[str, t.Any]]:
        """The answers of an API call that comes in pages. Raises CallFailed."""
        actions = permissions.needed(service, operation)
        self.permissions.update(actions)
        try:
            yield from self.client(service).get_paginator(xform_name(operation)).paginate(**params)
        except exceptions.ClientError as error:
            raise explained(_with_error(error), service, operation, on, actions) from None
        except (exceptions.BotoCoreError, exceptions.HTTPClientError) as error:
            raise explained(error, service, operation, on, actions) from None


def _in_aws_form(method: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """A client's method whose ClientErrors all have an ``Error`` in their response, which AWSRetry relies on."""

    def called(**params: t.Any) -> t.Any:
        try:
            return method(**params)
        except exceptions.ClientError as error:
            raise _with_error(error) from None

    return called


def _with_error(error: exceptions.ClientError) -> exceptions.ClientError:
    """The exception, where need be with the ``Error`` that botocore did not find.

    Ceph answers IAM and STS calls that it does not know in S3's form of XML, which botocore's parser for those services
    leaves as it is.
    """
    response = error.response
    if not response.get("Error", {}).get("Code"):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        response["Error"] = {"Code": response.get("Code") or str(status), "Message": response.get("Message")}
    return error


def explained(error: Exception, service: str, operation: str, on: str, actions: t.Sequence[str]) -> CallFailed:
    """What a botocore exception means to a user: what was tried, on what, what came back, what to do."""
    call = f"{service}:{operation}" if operation else service
    tried = f"{call} on {on}" if on else call
    if not isinstance(error, exceptions.ClientError):
        return CallFailed(
            f"{tried} could not be made: {str(error).rstrip('.')}. {_remedy_without_answer(error)}".rstrip(), call
        )
    answer = error.response.get("Error", {})
    code, message = str(answer.get("Code", "")), str(answer.get("Message") or "no message")
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    details: dict[str, t.Any] = {"error": {"code": code, "message": message}}
    remedy = _remedy(code, message, actions)
    if code in DENIED and actions:
        details["missing_permissions"] = list(actions)
    return CallFailed(
        f"{tried} failed: {code}: {message.rstrip('.')}. {remedy}".rstrip(), call, code, status, **details
    )


def _remedy(code: str, message: str, actions: t.Sequence[str]) -> str:
    if code in DENIED and _PUBLIC_BLOCKED in message:
        return "Block Public Access of the account or its organization forbids this. Have it lifted for this account."
    if code in DENIED:
        named = " and ".join(actions)
        return f"The credentials need the permission {named} there, and no policy may deny it." if named else ""
    if code in _EXPIRED:
        return "The credentials have expired. Log in or assume the role again."
    if code == "400":  # of a HEAD, whose answer has no text
        return "The usual cause is credentials that have expired or are damaged. Log in or assume the role again."
    if code in _UNKNOWN:
        return (
            "AWS does not accept these credentials. Check the profile, the access key, and that they belong to this "
            "endpoint."
        )
    if "ThumbprintList" in message:
        return (
            "This endpoint wants thumbprints, which AWS does not. Give thumbprints: [auto] (irsa_issuer_thumbprints), "
            "or list them."
        )
    if code.startswith("OpenIdIdpCommunicationError"):
        return (
            "IAM reads the issuer's documents and certificate when a provider is made without thumbprints. Check that "
            "both documents are readable by anybody, or give thumbprints."
        )
    return ""


def _remedy_without_answer(error: Exception) -> str:
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the module's own options."
    if isinstance(error, exceptions.NoRegionError):
        return "Set the region option, AWS_REGION, or the profile's region."
    if isinstance(error, exceptions.SSLError):
        return (
            "The endpoint's certificate is not trusted here. Set AWS_CA_BUNDLE or the aws_ca_bundle option to the file "
            "of its CA."
        )
    if isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError)):
        return (
            "Check the endpoint (endpoint_url, AWS_ENDPOINT_URL), the region, the proxy (HTTPS_PROXY, NO_PROXY) and "
            "the network."
        )
    if isinstance(error, exceptions.ParamValidationError):
        return (
            "This botocore is too old for an option that was asked for, or a value is not of the kind that AWS takes."
        )
    return ""
