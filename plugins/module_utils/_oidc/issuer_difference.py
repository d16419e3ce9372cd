# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How two issuers differ that should be equal: a slash, capital letters, another host name of the same bucket."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import (
    GLOBAL,
    WEBSITE,
    S3Address,
    parse_s3_address,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_mistakes import issuer_of_document
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.internal_hosts import internal_reason_of

_BYTE_FOR_BYTE = "issuers are compared byte for byte"


def difference(expected: str, actual: str) -> str | None:
    """Say in one sentence why ``actual`` is not the issuer ``expected``; None if they have little in common.

    Both may lack ``https://``. AWS and Kubernetes compare issuers byte for byte.
    """
    expected, actual = expected.removeprefix("https://"), actual.removeprefix("https://")
    if expected == actual:
        return None
    if expected.rstrip("/") == actual.rstrip("/"):
        which = "has a slash at the end" if actual.endswith("/") else "lacks the slash at the end"
        return f"They differ only in a slash, and {_BYTE_FOR_BYTE}: {actual} {which}."
    if expected.lower() == actual.lower():
        return f"They differ only in capital letters, and {_BYTE_FOR_BYTE}."
    if actual.startswith(("http://", "HTTP://")) and expected == actual[len("http://") :]:
        return "It begins with http://; an issuer begins with https://."
    if expected in (actual.removesuffix(":443"), actual.replace(":443/", "/", 1)):
        return f"It has a port, which IAM removes, and {_BYTE_FOR_BYTE}."
    if issuer_of_document(f"https://{actual}") == f"https://{expected}":
        return "It is the address of a document of this issuer: the issuer is the part in front of it."
    return _bucket_difference(expected, actual) or _path_difference(expected, actual)


def cause_of_other(expected: str, actual: str) -> str | None:
    """Say why a cluster has the issuer ``actual``: how it differs, or that it is internal; None if nothing is known."""
    how = difference(expected, actual)
    if how is not None:
        return how
    reason = internal_reason_of(actual) if actual.startswith("https://") else None
    if reason is None:
        return None
    return (
        f"It is internal, and AWS can never reach it: {reason}. Most distributions of Kubernetes have such an issuer "
        "by default; the API server needs another --service-account-issuer."
    )


def _bucket_difference(expected: str, actual: str) -> str | None:
    one, other = parse_s3_address(expected), parse_s3_address(actual)
    if one is None or other is None or one.bucket != other.bucket:
        return None
    if one.suffix != other.suffix:
        return f"It is in another AWS partition: one ends with {one.suffix}, the other with {other.suffix}."
    if GLOBAL not in (one.form, other.form) and one.region and other.region and one.region != other.region:
        return f"It is in another region: {other.region}, not {one.region}."
    if expected.partition("/")[0].lower() == actual.partition("/")[0].lower():
        return None
    https = ", which has no HTTPS" if other.form == WEBSITE else ""
    path = "" if one.path == other.path else ", with another path"
    return (
        f"It is the same bucket under another host name ({_how_named(one, other)}{https}){path}, and {_BYTE_FOR_BYTE}."
    )


def _how_named(one: S3Address, other: S3Address) -> str:
    """Say how the host names of one bucket differ."""
    if one.in_path != other.in_path:
        return f"a {other.form} one with the bucket in the path" if other.in_path else f"the {other.form} host name"
    return f"the {other.form} host name" if one.form != other.form else f"another {other.form} host name"


def _path_difference(expected: str, actual: str) -> str | None:
    hosts = [text.partition("/")[0] for text in (expected, actual)]
    return "It is on the same host with another path." if hosts[0] == hosts[1] else None
