# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The patience with which every call is made, for any fault that time can mend."""

from __future__ import annotations

import contextlib
import random
import time
import typing as t

with contextlib.suppress(ImportError):  # the module reports that it is missing
    from botocore import exceptions

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import answers, transience
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.waiting import announce

MAX_TRIES = 10
# With jitter the pauses of all tries take 5 to 11 seconds.
_FIRST_PAUSE, _MAX_PAUSE = 0.1, 2.0
# No try starts later. With the read timeout of 20 seconds, three tries fail to reach an endpoint that never answers.
_LAST_START_SECONDS = 42.0
# After a longer time the user is told what the run waits for.
_SILENT_SECONDS = 3.0


class Ended(t.NamedTuple):
    """How a call ended: its answer, or an error.

    ``in_doubt``: a try got no answer and may have taken effect. ``took_long``: there was no time for all tries.
    """

    answer: t.Any = None
    error: Exception | None = None
    in_doubt: bool = False
    took_long: bool = False

    @property
    def was_answered(self) -> bool:
        """Whether an answer came, if only an error."""
        return self.error is None or isinstance(self.error, exceptions.ClientError)


def made(request: Request, make: t.Callable[[], t.Any], max_tries: int = MAX_TRIES) -> Ended:
    """Make a call until it has an answer, or an error that would stay.

    Never raises an exception of the call, so that no traceback has one: their texts may quote what was received, which
    may be secret.
    """
    start = time.monotonic()
    in_doubt = took_long = False
    error: Exception | None = None
    for number in range(max_tries):
        if number:
            if time.monotonic() - start > _SILENT_SECONDS:
                announce("aws", f"Waiting for AWS: {request.action} has failed so far. It is tried for up to a minute.")
            time.sleep(_pause(number))
        answer, error = _tried(request, make)
        if error is None:
            return Ended(answer, None, in_doubt)
        in_doubt = in_doubt or transience.leaves_doubt(error)
        took_long = time.monotonic() - start > _LAST_START_SECONDS
        if took_long or not transience.passes(error, request.retry_codes):
            break
    return Ended(None, error, in_doubt, took_long)


def _pause(number: int) -> float:
    longest = min(_FIRST_PAUSE * 2 ** (number - 1), _MAX_PAUSE)
    return random.uniform(longest / 2, longest)


def _tried(request: Request, make: t.Callable[[], t.Any]) -> tuple[t.Any, Exception | None]:
    """Return the answer to one try, or what it failed with."""
    try:
        try:
            return make(), None
        except exceptions.ClientError as error:
            if error.operation_name == request.operation:
                answers.check_error(request.operation, _with_error(error))
            return None, _with_error(error)
    except Exception as error:  # noqa: BLE001 # pylint: disable=broad-except  # botocore's parsers may raise any
        return None, error


def _with_error(error: exceptions.ClientError) -> exceptions.ClientError:
    """Return the exception, with an ``Error`` in its response.

    Ceph answers IAM and STS calls that it does not know in the XML form of S3, which botocore's parser for those
    services leaves as it is.
    """
    response = error.response
    if not response.get("Error", {}).get("Code"):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        response["Error"] = {"Code": response.get("Code") or str(status), "Message": response.get("Message")}
    return error
