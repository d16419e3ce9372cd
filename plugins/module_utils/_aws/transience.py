# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which failures of a call pass by themselves, and after which of them a write may have taken effect all the same."""

from __future__ import annotations

import contextlib
import http.client
import typing as t

with contextlib.suppress(ImportError):  # the module reports that it is missing
    import urllib3
    from botocore import exceptions, parsers

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.answers import NoAnswer, code_and_status

# AWS refuses these without doing anything: botocore/retries/standard.py, and for the last ones
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_THROTTLED = frozenset(
    (
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
        "Unavailable",
    )
)
# IAM says to retry after a ConcurrentModification, and documents that were published a moment ago may not be readable
# from everywhere yet.
_PASSING = frozenset(
    (
        "ConcurrentModification",
        "ConcurrentModificationException",
        "InternalError",
        "InternalFailure",
        "OpenIdIdpCommunicationError",
        "OpenIdIdpCommunicationErrorException",
        "RequestTimeout",
        "RequestTimeoutException",
    )
)
_UNSUPPORTED = 501
_TOO_MANY_REQUESTS = 429

# Time mends neither: the certificate is of a CA that is not trusted here, or the port does not speak TLS.
_LASTING_TLS_FAULTS = ("certificate verify failed", "certificate_verify_failed", "wrong version number")


def passes(error: Exception, retry_codes: t.Container[str] = ()) -> bool:
    """Return whether the same call may succeed a moment later. ``retry_codes`` are further error codes that pass."""
    if isinstance(error, exceptions.ClientError):
        code, status = code_and_status(error)
        return (
            code in _THROTTLED | _PASSING
            or code in retry_codes
            or status == _TOO_MANY_REQUESTS
            or (status >= 500 and status != _UNSUPPORTED)
            or code == "400"  # from HEAD, which has no body to tell a timeout or throttling from anything else
        )
    if isinstance(error, exceptions.SSLError):
        return not any(fault in str(error).lower() for fault in _LASTING_TLS_FAULTS)
    return is_without_whole_answer(error)


def leaves_doubt(error: Exception) -> bool:
    """Return whether the call may have taken effect, though this came back."""
    if isinstance(error, exceptions.ClientError):
        code, status = code_and_status(error)
        return status >= 500 and status != _UNSUPPORTED and code not in _THROTTLED
    # Not so ProxyConnectionError: urllib3 also takes a reset behind the proxy for one of the proxy.
    was_not_sent = (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError)
    return passes(error) and not isinstance(error, was_not_sent)


def is_without_whole_answer(error: Exception) -> bool:
    """Return whether an exception says that no answer came, or none that could be read to its end."""
    if isinstance(error, exceptions.HTTPClientError) and "Invalid header value" in str(error):
        return False  # botocore wraps what is wrong with a request in the same exception as a broken connection
    kinds = (
        NoAnswer,
        exceptions.ConnectionError,
        exceptions.HTTPClientError,
        exceptions.IncompleteReadError,
        exceptions.ChecksumError,
        exceptions.FlexibleChecksumError,
        ConnectionError,
        TimeoutError,
        http.client.HTTPException,
        urllib3.exceptions.HTTPError,
    )
    return isinstance(error, kinds) or is_unreadable(error)


def is_unreadable(error: Exception) -> bool:
    """Return whether botocore could not read an answer. Besides its own exception, its parsers let pass any that odd
    content leads to, such as KeyError for XML of another kind.
    """
    if isinstance(error, parsers.ResponseParserError):
        return True
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_globals.get("__name__") == parsers.__name__:
            return True
        step = step.tb_next
    return False
