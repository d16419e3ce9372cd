# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a failed API call means to a user: what was tried, on what, what came back, what to do."""

from __future__ import annotations

import contextlib
import typing as t

with contextlib.suppress(ImportError):  # the module reports that it is missing
    from botocore import exceptions

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import transience
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.answers import NoAnswer, code_and_status
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import WriteFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown

_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled", "403")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
_REJECTED_CREDENTIALS = (
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

_CHECK_NETWORK = (
    "Check the endpoint (endpoint_url, AWS_ENDPOINT_URL), the region, the proxy (HTTPS_PROXY, NO_PROXY) and the "
    "network."
)

# Another process wrote at the same time: read again, plan again.
_CONFLICTS = (
    "PreconditionFailed",
    "412",
    "ConditionalRequestConflict",
    "OperationAborted",
    "BucketAlreadyOwnedByYou",
    "EntityAlreadyExists",
)


class CallFailed(WriteFailed):
    """An API call that failed, explained.

    ``call`` is empty if there was no client to make it with; ``code`` is the service's error code, empty if no answer
    came.
    """

    def __init__(self, message: str, call: str, *, code: str = "", status: int = 0, **details: t.Any) -> None:
        super().__init__(message, **({"call": call} if call else {}), **details)
        self.call = call
        self.code = code
        self.status = status

    @property
    def denied(self) -> bool:
        """The credentials may not make this call, or not on this resource."""
        return self.code in _DENIED

    @property
    def unsupported(self) -> bool:
        """The endpoint does not implement this call, as S3-compatible stores do not implement some."""
        return self.code in _UNSUPPORTED or self.status in (405, 501)

    @property
    def conflict(self) -> bool:
        """Another process wrote at the same time."""
        return self.code in _CONFLICTS or (self.call == "s3:PutObject" and self.code == "NoSuchKey")


def without_answer(error: Exception, tried: str, call: str = "") -> CallFailed:
    """Turn an exception that is not a service's answer into an error for the user.

    ``tried`` says what failed, for example "The client for s3 could not be created".
    """
    reason, remedy = _reason_and_remedy(error)
    return CallFailed(f"{tried}: {reason}. {remedy}".rstrip(), call)


def credentials_failed(error: exceptions.ClientError, call: str, *, target: str) -> CallFailed:
    """Explain the failure of a call that botocore made to get the credentials for ``call``, such as AssumeRole.

    Its code is not that of ``call``, whose permissions may be right.
    """
    code, message = _code_and_message(error)
    return CallFailed(
        f"{call} on {target} could not be made: {error.operation_name}, which provides the credentials, failed: "
        f"{code}: {message.rstrip('.')}. {_remedy(code, message, ())}".rstrip(),
        call,
    )


def _code_and_message(error: exceptions.ClientError) -> tuple[str, str]:
    answer = error.response.get("Error", {})
    # Of whatever answered, such as a proxy with a page of its own.
    return shown(str(answer.get("Code", "")), 100), shown(str(answer.get("Message") or "no message"), 1000)


def explained(error: Exception, call: str, *, target: str, iam_actions: t.Sequence[str] = ()) -> CallFailed:
    """Turn an exception of a call into an error for the user.

    ``call`` is for example ``s3:HeadBucket``; ``iam_actions`` are those that it needs.
    """
    tried = f"{call} on {target}"
    if transience.is_without_whole_answer(error) and not isinstance(error, exceptions.ConnectionError):
        return _unanswered(error, tried, call)
    if not isinstance(error, exceptions.ClientError):
        if not isinstance(error, (exceptions.BotoCoreError, EOFError, OSError, ValueError)):
            return CallFailed(f"{tried} could not be made: botocore ended with {type(error).__name__}.", call)
        return without_answer(error, f"{tried} could not be made", call)
    code, message = _code_and_message(error)
    dummy, status = code_and_status(error)
    details: dict[str, t.Any] = {"error": {"code": code, "message": message}}
    remedy = _remedy(code, message, iam_actions)
    if code in _DENIED and iam_actions:
        details["missing_permissions"] = list(iam_actions)
    whole = f"{tried} failed: {code}: {message.rstrip('.')}. {remedy}".rstrip()
    return CallFailed(whole, call, code=code, status=status, **details)


def _remedy(code: str, message: str, iam_actions: t.Sequence[str]) -> str:
    if code in _DENIED and _PUBLIC_BLOCKED in message:
        return "Block Public Access of the account or its organization forbids this. Have it lifted for this account."
    if code in _DENIED:
        needed = " and ".join(iam_actions)
        return f"The credentials need the permission {needed} there, and no policy may deny it." if needed else ""
    if code in _EXPIRED:
        return "The credentials have expired. Log in or assume the role again."
    if code == "400":  # from HEAD, whose answer has no body
        return "The usual cause is credentials that have expired or are damaged. Log in or assume the role again."
    if code in _REJECTED_CREDENTIALS:
        return (
            "AWS does not accept these credentials. Check the profile, the access key, and that they belong to this "
            "endpoint."
        )
    if "ThumbprintList" in message:
        return (
            "Unlike AWS, this endpoint requires thumbprints. Set thumbprints: [auto] (irsa_issuer_thumbprints), or "
            "list them."
        )
    if code.startswith("OpenIdIdpCommunicationError"):
        return (
            "IAM reads the issuer's documents and certificate when a provider is created without thumbprints. Check "
            "that both documents can be read anonymously, or set thumbprints."
        )
    return ""


def _unanswered(error: Exception, tried: str, call: str) -> CallFailed:
    """Explain a call that got no whole answer. What came back is never quoted: it may hold credentials."""
    naming_the_endpoint = (exceptions.ReadTimeoutError, exceptions.ConnectionClosedError)
    if isinstance(error, NoAnswer):
        what = f"got an answer that is not one of an AWS API, or not all of it: {error}"
    elif transience.is_unreadable(error):
        what = "got an answer that is not one of an AWS API, or not all of it: it cannot be read"
    elif isinstance(error, naming_the_endpoint) and str(error.kwargs.get("endpoint_url")).startswith("http"):
        what = f"got no answer: {str(error).rstrip('.')}"
    else:
        what = f"got an answer that broke off or was damaged ({type(error).__name__})"
    return CallFailed(f"{tried} {what}. {_CHECK_NETWORK}", call)


def _reason_and_remedy(error: Exception) -> tuple[str, str]:
    """Return what an exception says, unless its text would disclose or bury something, and what to do."""
    if isinstance(error, EOFError):
        return (
            "the profile asks for an MFA code, which a module cannot ask for",
            "Get temporary credentials first (aws sts get-session-token), and use those.",
        )
    if "Invalid header value" in str(error):  # the text has the token
        return (
            "a header has a character that HTTP does not allow, such as a line end",
            "Check the access key, the session token and the option cache_control.",
        )
    return shown(str(error), 1000).rstrip("."), _remedy_without_answer(error)


def _remedy_without_answer(error: Exception) -> str:
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the module's own options."
    if isinstance(error, exceptions.NoRegionError):
        return f"Set {called('region')}, AWS_REGION, or the region of the profile."
    if isinstance(error, exceptions.SSLError):
        return (
            "The endpoint's certificate is not trusted here. Set AWS_CA_BUNDLE or the aws_ca_bundle option to the file "
            "of its CA."
        )
    if isinstance(error, exceptions.ConnectionError):
        return _CHECK_NETWORK
    if isinstance(error, exceptions.ParamValidationError):
        return (
            "This botocore is too old for an option that is set, or a value does not have the form that AWS requires."
        )
    return ""
