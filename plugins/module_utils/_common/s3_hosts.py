# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host names of Amazon S3. https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html"""

from __future__ import annotations

import re
import typing as t

_MAX_CHARACTERS = 255

# The suffixes are those of all AWS partitions.
_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3"
    r"(?:-accelerate(?:\.dualstack)?|-external-1"
    r"|(?:-fips)?[.-](?:dualstack\.)?(?P<region>(?!website)[a-z]{2,}(?:-[a-z]+)+-[0-9]+))?"
    r"\.(?P<suffix>amazonaws\.com(?:\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|csp\.hci\.ic\.gov|cloud\.adc-e\.uk)"
)


class S3Host(t.NamedTuple):
    """The parts of a host name of S3: the bucket, None if the path names it; the region, None if the host is
    global; and the domain of the partition, such as amazonaws.com.
    """

    bucket: str | None
    region: str | None
    suffix: str


def parse_s3_host(host: str) -> S3Host | None:
    """Return the parts of a host name in lower case, None if it is not one of S3."""
    match = _HOST.fullmatch(host) if len(host) <= _MAX_CHARACTERS else None
    return S3Host(match["bucket"], match["region"], match["suffix"]) if match else None
