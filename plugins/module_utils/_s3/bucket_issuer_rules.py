# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be true of an issuer at an address of S3, as far as the address and the bucket's options tell it."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import (
    GLOBAL,
    S3Address,
    parse_s3_address,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted


def check_bucket_of_issuer(url: str, bucket: str, prefix: str | None) -> None:
    """Raise IrsaError for an issuer whose address is that of another bucket, or of another path in this one."""
    address = parse_s3_address(url)
    if address is None:
        return
    if address.bucket != bucket:
        raise IrsaError(
            f"The issuer {quoted(url)} is the address of the bucket {quoted(address.bucket)}, and the documents are "
            f"published in the bucket {quoted(bucket)} (irsa_issuer_bucket). Make them the same."
        )
    if address.path != (prefix or ""):
        raise IrsaError(
            f"The issuer {quoted(url)} is in the bucket under {_path(address.path)}, and the documents are published "
            f"under {_path(prefix)}. Make the path of the issuer and the prefix (irsa_issuer_prefix) the same."
        )


def check_host_of_issuer(url: str, bucket: str, region: str | None = None) -> None:
    """Raise IrsaError for an issuer at a host of S3 from which AWS could not read the documents in a bucket.

    ``region`` is the bucket's, None if it is not known.
    """
    address = parse_s3_address(url)
    if address is not None and not address.in_path:
        check_own_host(bucket)
    if address is None or region is None or address.region in (None, region):
        return
    # IAM refused the issuers of https://github.com/aws/eks-anywhere/issues/898, and S3 redirects what is elsewhere:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
    host = "S3's global host, which is that" if address.form == GLOBAL else "a host"
    raise IrsaError(
        f"The issuer {quoted(url)} is at {host} of {address.region}, and the bucket {quoted(bucket)} is in {region} "
        "(irsa_issuer_region). S3 redirects to buckets of another region, if it serves them at all, and AWS does not "
        f"accept an issuer that redirects. Use {_regional(address, region)}, or a bucket in {address.region}."
    )


def check_own_host(bucket: str) -> None:
    """Raise IrsaError if the certificate of S3 does not cover the host name of a bucket."""
    if "." in bucket:
        raise IrsaError(
            f"The bucket name {quoted(bucket)} has a dot. S3's certificate covers only one level of names, so no one "
            "could read the documents over HTTPS at the bucket's own host. Choose a name without dots, or serve the "
            "documents on another host and set that as the issuer."
        )


def _regional(address: S3Address, region: str) -> str:
    """Return the issuer at the regional host; in another partition, its domain is not known here."""
    if region.startswith("cn-") != address.suffix.endswith(".cn"):
        return f"the host of {region}"
    path = f"/{address.path}" if address.path else ""
    host = f"s3.{region}.{address.suffix}"
    start = f"{host}/{address.bucket}" if address.in_path else f"{address.bucket}.{host}"
    return quoted(f"https://{start}{path}")


def _path(path: str | None) -> str:
    return quoted(path) if path else "no prefix"
