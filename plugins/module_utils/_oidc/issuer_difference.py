# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In what two issuers differ that were meant to be one: a slash, capital letters, another name of the same bucket."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_host

# Every form in which S3 serves a bucket. https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html


class _Bucket(t.NamedTuple):
    """A bucket's address: ``style`` is whether the bucket stands in the host or in the path."""

    name: str
    region: str | None
    suffix: str
    style: str
    path: str


def difference(wanted: str, found: str) -> str | None:
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


def _bucket_of(host_path: str) -> _Bucket | None:
    host, dummy, path = host_path.partition("/")
    parts = parse_s3_host(host)
    if parts is None:
        return None
    if parts.bucket:
        return _Bucket(parts.bucket, parts.region, parts.suffix, "host", path)
    name, dummy, rest = path.partition("/")
    return _Bucket(name, parts.region, parts.suffix, "path", rest)


def _bucket_difference(wanted: _Bucket | None, found: _Bucket | None) -> str | None:
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


def _path_difference(wanted: str, found: str) -> str | None:
    hosts = [text.partition("/")[0] for text in (wanted, found)]
    return "It is on the same host under another path." if hosts[0] == hosts[1] else None
