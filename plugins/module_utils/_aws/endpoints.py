# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a client's endpoint is: partition, region, host names."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

try:
    from botocore.exceptions import UnknownRegionError
except ImportError:
    pass  # the module that wants it says so

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import botocore_cache
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError


class Endpoint(t.NamedTuple):
    """Where an S3 client goes: partition, region, whether that is AWS's own endpoint; ``suffix`` as amazonaws.com."""

    partition: str
    region: str
    suffix: str
    url: str
    is_aws: bool

    def bucket_host(self, bucket: str) -> str:
        """The host name that serves a bucket to anonymous clients over HTTPS.

        At AWS ``<bucket>.s3.<region>.<suffix>``; the suffix is botocore's, so that every partition is right. A store of
        one's own serves ``<bucket>.<its host>``, if it has a name and no port. Other endpoints, such as a test double
        on http://127.0.0.1:5000, cannot be an issuer, and stand in for AWS.
        """
        parts = urlsplit(self.url)
        named = parts.scheme == "https" and parts.port is None and not _is_address(parts.hostname or "")
        if named and not self.is_aws and "." in (parts.hostname or ""):
            return f"{bucket}.{parts.hostname}"
        return f"{bucket}.s3.{self.region}.{self.suffix}"


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def endpoint_of(client: t.Any) -> Endpoint:
    """Where a boto3 client goes. Raises IrsaError where it has no region."""
    session = botocore_cache.knowledge()
    region = client.meta.region_name
    if not region:
        raise IrsaError(
            "No region is set. Give the region option (irsa_issuer_region), AWS_REGION, or a profile that has one."
        )
    try:
        partition = session.get_partition_for_region(region)
    except UnknownRegionError:  # a store of one's own may call its region anything
        partition = client.meta.partition
    partitions = session.get_data("partitions")["partitions"]
    suffix = next(entry["outputs"]["dnsSuffix"] for entry in partitions if entry["id"] == partition)
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return Endpoint(partition, region, suffix, client.meta.endpoint_url, host.endswith("." + suffix))
