# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of Amazon S3, taken apart: bucket, region, and the form of the host name.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html,
https://docs.aws.amazon.com/general/latest/gr/s3.html and, for websites,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html
"""

from __future__ import annotations

import re
import typing as t

_MAX_CHARACTERS = 255

# The forms of a host name, as messages name them.
REGIONAL = "regional"
LEGACY = "legacy regional"
GLOBAL = "global"
DUALSTACK = "dual-stack"
FIPS = "FIPS"
ACCELERATE = "transfer acceleration"
WEBSITE = "website"

# The last s3 counts, since a bucket may have a name like a host of S3. The suffixes are those of all AWS partitions.
_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3"
    r"(?P<kind>-accelerate(?:\.dualstack)?|-external-1|-website|-fips(?:[.-]dualstack)?|[.-]dualstack)?"
    r"(?:(?P<joint>[.-])(?P<region>(?!website|fips)[a-z]{2,}(?:-[a-z]+)+-[0-9]+))?"
    r"\.(?P<suffix>amazonaws\.com(?:\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|csp\.hci\.ic\.gov|cloud\.adc-e\.uk)"
)

# Hosts that are one for all regions, and those that always name a region.
_KINDS_WITHOUT_REGION = {
    "-accelerate": ACCELERATE,
    "-accelerate.dualstack": ACCELERATE,
    "-external-1": LEGACY,
    None: GLOBAL,
}
_KINDS_WITH_REGION = {
    "-website": WEBSITE,
    "-fips": FIPS,
    "-fips.dualstack": FIPS,
    "-fips-dualstack": FIPS,
    ".dualstack": DUALSTACK,
    "-dualstack": DUALSTACK,
}
_EXTERNAL_REGION = "us-east-1"

# Where a global host leads without a redirect.
_HOME_REGIONS = {"amazonaws.com": "us-east-1"}


class S3Host(t.NamedTuple):
    """The parts of a host name of S3: the bucket, None if the path names it; the region, None if the host names none;
    the domain of the partition, such as amazonaws.com; and the form of the name.
    """

    bucket: str | None
    region: str | None
    suffix: str
    form: str


class S3Address(t.NamedTuple):
    """The bucket that a URL addresses, by which host, and the path in it, without a slash at either end.

    ``region`` is where the host leads without a redirect, None if that is not known. ``in_path``: the path names the
    bucket.
    """

    bucket: str
    region: str | None
    suffix: str
    form: str
    in_path: bool
    path: str

    def is_same_bucket(self, other: S3Address) -> bool:
        """Whether the two address one bucket; each partition has names of its own."""
        return (self.bucket, self.suffix) == (other.bucket, other.suffix)


def parse_s3_host(host: str) -> S3Host | None:
    """Return the parts of a host name in lower case, None if it is not one of S3."""
    match = _HOST.fullmatch(host) if len(host) <= _MAX_CHARACTERS else None
    form = _form_of(match) if match else None
    if match is None or form is None:
        return None
    region = _EXTERNAL_REGION if match["kind"] == "-external-1" else match["region"]
    return S3Host(match["bucket"], region, match["suffix"], form)


def _form_of(match: re.Match[str]) -> str | None:
    kind = match["kind"]
    if match["region"] is None:
        return _KINDS_WITHOUT_REGION.get(kind)
    if kind is None:
        return REGIONAL if match["joint"] == "." else LEGACY
    return _KINDS_WITH_REGION.get(kind)


def parse_s3_address(url: str) -> S3Address | None:
    """Return the bucket that a URL (with or without ``https://``) addresses, None if it is not one of S3."""
    host, dummy, path = url.removeprefix("https://").partition("/")
    parts = parse_s3_host(host.lower())
    if parts is None:
        return None
    bucket, in_path = parts.bucket, parts.bucket is None
    if bucket is None:
        bucket, dummy, path = path.partition("/")
    if not bucket:
        return None
    region = _HOME_REGIONS.get(parts.suffix) if parts.form == GLOBAL else parts.region
    return S3Address(bucket, region, parts.suffix, parts.form, in_path, path.rstrip("/"))
