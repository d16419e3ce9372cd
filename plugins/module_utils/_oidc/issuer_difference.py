# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In what two issuers differ that were meant to be one: a slash, capital letters, another name of the same bucket."""

from __future__ import annotations

import re
import typing as t

# Every form in which S3 serves a bucket. https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
_BUCKET_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?(?P<region>[a-z]{2,}(?:-[a-z]+)+-[0-9]+))?\.(?P<suffix>amazonaws\.com(?:\.cn)?|amazonaws\.eu)"
)


class _Bucket(t.NamedTuple):
    """A bucket's address: ``style`` is whether the bucket stands in the host or in the path."""

    name: str
    region: t.Optional[str]
    suffix: str
    style: str
    path: str


def difference(wanted: str, found: str) -> t.Optional[str]:
    """What makes ``found`` another issuer than ``wanted``, in one sentence; None where they have little in common.

    Both are compared byte for byte by everybody who reads them, with or without ``https://``.
    """
    wanted, found = wanted.removeprefix("https://"), found.removeprefix("https://")
    if wanted == found:
        return None
    if wanted.rstrip("/") == found.rstrip("/"):
        which = "has a slash at the end" if found.endswith("/") else "lacks the slash at the end"
        return f"They differ in a slash alone, and issuers are compared byte for byte: {found} {which}."
    if wanted.lower() == found.lower():
        return "They differ in capital letters alone, and issuers are compared byte for byte."
    if found.startswith(("http://", "HTTP://")) and wanted == found[len("http://") :]:
        return "It begins with http://, and an issuer with https://."
    if wanted in (found.removesuffix(":443"), found.replace(":443/", "/", 1)):
        return "It has a port, which IAM takes away, and issuers are compared byte for byte."
    return _bucket_difference(_bucket_of(wanted), _bucket_of(found)) or _path_difference(wanted, found)


def _bucket_of(host_path: str) -> t.Optional[_Bucket]:
    host, dummy, path = host_path.partition("/")
    match = _BUCKET_HOST.fullmatch(host[:255])
    if match is None:
        return None
    style = "host" if match["bucket"] else "path"
    name, rest = (match["bucket"], path) if match["bucket"] else (path.partition("/")[0], path.partition("/")[2])
    return _Bucket(name, match["region"], match["suffix"], style, rest)


def _bucket_difference(wanted: t.Optional[_Bucket], found: t.Optional[_Bucket]) -> t.Optional[str]:
    if wanted is None or found is None or wanted.name != found.name:
        return None
    if wanted.suffix != found.suffix:
        return f"It is of another AWS partition: one ends with {wanted.suffix}, the other with {found.suffix}."
    if wanted.style != found.style:
        return "It is the same bucket under another address: one has it in the host name, the other in the path."
    if (wanted.region is None) != (found.region is None):
        kind = "global" if found.region is None else "regional"
        return f"It is the same bucket under its {kind} host name, and issuers are compared byte for byte."
    if wanted.region != found.region:
        return f"It is of another region: {found.region}, not {wanted.region}."
    return None


def _path_difference(wanted: str, found: str) -> t.Optional[str]:
    hosts = [text.partition("/")[0] for text in (wanted, found)]
    return "It is on the same host under another path." if hosts[0] == hosts[1] else None
