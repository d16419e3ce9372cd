# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bodies of answers that botocore hands over unread."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.answers import NoAnswer


def whole_body(answer: t.Mapping[str, t.Any], max_bytes: int) -> bytes:
    """Return the body of an answer, or its first ``max_bytes + 1`` bytes if it is longer.

    Raises NoAnswer if it ends early, and whatever botocore and urllib3 raise.
    """
    content = b""
    while len(content) <= max_bytes and (chunk := answer["Body"].read(max_bytes + 1 - len(content))):
        content += chunk
    # With chunks there is no length to compare, but there is an end.
    length = answer.get("ContentLength")
    is_chunked = "transfer-encoding" in answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    if length is None and not is_chunked:
        raise NoAnswer("it lacks ContentLength, which AWS always sends")
    if length is not None and len(content) != min(length, max_bytes + 1):
        raise NoAnswer("it broke off")
    return content
