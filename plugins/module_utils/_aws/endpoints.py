# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The endpoint of a client: partition, region, host names."""

from __future__ import annotations

import contextlib
import typing as t
from urllib.parse import urlsplit

with contextlib.suppress(ImportError):  # the module or filter reports that it is missing
    from botocore.exceptions import UnknownRegionError

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import botocore_cache
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted


class Endpoint(t.NamedTuple):
    """Where a client sends its requests. ``suffix`` is the partition's domain, for example ``amazonaws.com``.

    ``is_aws`` says whether the endpoint is AWS's own.
    """

    partition: str
    region: str
    suffix: str
    url: str
    is_aws: bool

    def bucket_host(self, bucket: str) -> str:
        """Return the host name that serves a bucket to anonymous clients over HTTPS.

        At AWS that is ``<bucket>.s3.<region>.<suffix>``, with botocore's suffix, which is right for every partition.
        Another store serves ``<bucket>.<its host>`` if it has a host name and the default port. Any other endpoint,
        such as a test double on http://127.0.0.1:5000, cannot host an issuer and stands in for AWS.
        """
        parts = urlsplit(self.url)
        if self.is_other_store and parts.scheme == "https" and parts.port is None:
            return f"{bucket}.{parts.hostname}"
        return aws_bucket_host(bucket, self.region, self.suffix)

    @property
    def is_other_store(self) -> bool:
        """Whether it is a store other than AWS, with a host name of its own, and not a test double."""
        host = urlsplit(self.url).hostname or ""
        return not self.is_aws and "." in host and not _is_ip(host)


def aws_bucket_host(bucket: str, region: str, suffix: str) -> str:
    """Return the host name that serves a bucket at AWS."""
    return f"{bucket}.s3.{region}.{suffix}"


def _is_ip(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def endpoint_of(client: t.Any) -> Endpoint:
    """Return the endpoint of a boto3 client. Raises IrsaError if it has no region."""
    session = botocore_cache.shared_session()
    region = client.meta.region_name
    if not region:
        raise IrsaError(f"No region is set. Set {called('region')}, AWS_REGION, or the region of the profile.")
    try:
        partition = session.get_partition_for_region(region)
    except UnknownRegionError:  # other stores name their regions freely
        partition = client.meta.partition
    suffix = _suffix_of(partition)
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return Endpoint(
        partition=partition,
        region=region,
        suffix=suffix,
        url=client.meta.endpoint_url,
        is_aws=host.endswith("." + suffix),
    )


def suffix_of_region(region: str) -> str:
    """Return the domain of the partition that an AWS region belongs to. Raises Fault if it belongs to none."""
    try:
        return _suffix_of(botocore_cache.shared_session().get_partition_for_region(region))
    except UnknownRegionError:
        raise Fault(f"{quoted(region)} is not the name of an AWS region, such as 'eu-west-1'") from None


def _suffix_of(partition: str) -> str:
    partitions = botocore_cache.shared_session().get_data("partitions")["partitions"]
    suffix: str = next(entry["outputs"]["dnsSuffix"] for entry in partitions if entry["id"] == partition)
    return suffix
