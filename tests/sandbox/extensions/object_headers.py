# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Headers of a signed upload that moto keeps with the object as if they were its metadata."""

from __future__ import annotations

from ..answers import Answer
from ..call import Call
from .site import Site

UPLOAD_HEADERS = ("x-amz-content-sha256", "x-amz-sdk-checksum-algorithm")


def complete(_site: Site, call: Call, answer: Answer) -> Answer:
    """Takes them off an object's answer."""
    if call.service == "s3":
        answer.headers = {name: value for name, value in answer.headers.items() if name.lower() not in UPLOAD_HEADERS}
    return answer
