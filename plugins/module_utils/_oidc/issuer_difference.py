# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How two issuers differ that should be equal: a slash, capital letters, another host name of the same bucket."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_host


class _Bucket(t.NamedTuple):
    """A bucket's address; ``style`` says where the bucket's name is, in the ``host`` or in the ``path``."""

    name: str
    region: str | None
    suffix: str
    style: str
    path: str


def difference(expected: str, actual: str) -> str | None:
    """Say in one sentence why ``actual`` is not the issuer ``expected``; None if they have little in common.

    Both may lack ``https://``. AWS and Kubernetes compare issuers byte for byte.
    """
    expected, actual = expected.removeprefix("https://"), actual.removeprefix("https://")
    if expected == actual:
        return None
    if expected.rstrip("/") == actual.rstrip("/"):
        which = "has a slash at the end" if actual.endswith("/") else "lacks the slash at the end"
        return f"They differ only in a slash, and issuers are compared byte for byte: {actual} {which}."
    if expected.lower() == actual.lower():
        return "They differ only in capital letters, and issuers are compared byte for byte."
    if actual.startswith(("http://", "HTTP://")) and expected == actual[len("http://") :]:
        return "It begins with http://; an issuer begins with https://."
    if expected in (actual.removesuffix(":443"), actual.replace(":443/", "/", 1)):
        return "It has a port, which IAM removes, and issuers are compared byte for byte."
    return _bucket_difference(_bucket_in(expected), _bucket_in(actual)) or _path_difference(expected, actual)


def _bucket_in(host_path: str) -> _Bucket | None:
    host, dummy, path = host_path.partition("/")
    parts = parse_s3_host(host)
    if parts is None:
        return None
    if parts.bucket:
        return _Bucket(name=parts.bucket, region=parts.region, suffix=parts.suffix, style="host", path=path)
    name, dummy, rest = path.partition("/")
    return _Bucket(name=name, region=parts.region, suffix=parts.suffix, style="path", path=rest)


def _bucket_difference(expected: _Bucket | None, actual: _Bucket | None) -> str | None:
    if expected is None or actual is None or expected.name != actual.name:
        return None
    if expected.suffix != actual.suffix:
        return f"It is in another AWS partition: one ends with {expected.suffix}, the other with {actual.suffix}."
    if expected.style != actual.style:
        return "It is the same bucket at another address: one has it in the host name, the other in the path."
    if (expected.region is None) != (actual.region is None):
        kind = "global" if actual.region is None else "regional"
        return f"It is the same bucket under its {kind} host name, and issuers are compared byte for byte."
    if expected.region != actual.region:
        return f"It is in another region: {actual.region}, not {expected.region}."
    return None


def _path_difference(expected: str, actual: str) -> str | None:
    hosts = [text.partition("/")[0] for text in (expected, actual)]
    return "It is on the same host with another path." if hosts[0] == hosts[1] else None
