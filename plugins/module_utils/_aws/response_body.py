# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bodies of answers that botocore hands over unread, so that their failures come after the call."""

from __future__ import annotations

import contextlib
import typing as t

with contextlib.suppress(ImportError):  # the module reports that it is missing
    import urllib3
    from botocore import exceptions

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import without_answer


def read_body(body: t.Any, max_bytes: int, *, call: str, target: str) -> bytes:
    """Return what a body holds, or its first ``max_bytes + 1`` bytes if it is longer. Raises CallFailed."""
    content = b""
    try:
        # botocore compares the length with the announced one only if a read finds nothing more.
        while len(content) <= max_bytes and (chunk := body.read(max_bytes + 1 - len(content))):
            content += chunk
    except exceptions.ReadTimeoutError:  # it does not know the URL
        raise without_answer(exceptions.ReadTimeoutError(endpoint_url=target), _tried(call, target), call) from None
    except exceptions.BotoCoreError as error:
        raise without_answer(error, _tried(call, target), call) from None
    except urllib3.exceptions.HTTPError as error:  # botocore translates only some of them
        raise without_answer(exceptions.HTTPClientError(error=error), _tried(call, target), call) from None
    return content


def _tried(call: str, target: str) -> str:
    return f"The answer to {call} on {target} could not be read"
