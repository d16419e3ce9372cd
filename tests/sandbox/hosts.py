# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which service, region and bucket an AWS host name means.

Host forms: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html and
https://docs.aws.amazon.com/general/latest/gr/rande.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from moto.core.utils import ALT_DOMAIN_SUFFIXES

# The longest first: amazonaws.com.cn ends in no other, but a suffix must not match inside a longer one.
DOMAIN_SUFFIXES = sorted([*ALT_DOMAIN_SUFFIXES, "amazonaws.com"], key=len, reverse=True)

REGION = r"[a-z]{2,4}(?:-[a-z]+)+-\d+"
S3_HOST = re.compile(
    rf"^(?:(?P<bucket>.+)\.)?s3(?:-fips)?(?:\.dualstack)?(?:[.-](?P<region>{REGION}))?$",
)
S3_CONTROL_HOST = re.compile(
    rf"^(?:(?P<account>\d{{12}})\.)?s3-control(?:-fips)?(?:\.dualstack)?\.(?P<region>{REGION})$"
)
QUERY_HOST = re.compile(rf"^(?P<service>iam|sts)(?:-fips)?(?:\.(?P<region>{REGION}|us-gov))?$")


@dataclass(frozen=True)
class Host:
    """
    :ivar base: the name without the bucket or account in front
    :ivar region: None for a global host, such as iam.amazonaws.com or <bucket>.s3.amazonaws.com
    """

    service: str
    base: str
    suffix: str
    region: str | None = None
    bucket: str | None = None
    account: str | None = None

    @property
    def certificate_names(self) -> list[str]:
        """:return: what AWS's own certificate for this host covers

        S3's is a wildcard for one label, which is why a bucket name with dots fails over TLS.
        """
        return [self.base, f"*.{self.base}"] if self.service in ("s3", "s3control") else [self.base]


def parse_host(name: str) -> Host | None:
    """
    :param name: a host name, with or without a port
    :return: what it means, or None if it is not the host of a service that is embedded here
    """
    name = re.sub(r":\d+$", "", name).lower()
    for suffix in DOMAIN_SUFFIXES:
        if name.endswith("." + suffix):
            return _parse_labels(name.removesuffix("." + suffix), suffix)
    return None


def _parse_labels(labels: str, suffix: str) -> Host | None:
    name = f"{labels}.{suffix}"
    if match := QUERY_HOST.match(labels):
        region = match["region"] if match["region"] != "us-gov" else "us-gov-west-1"
        return Host(match["service"], name, suffix, region)
    if match := S3_CONTROL_HOST.match(labels):
        account = match["account"]
        return Host("s3control", name.removeprefix(f"{account}."), suffix, match["region"], account=account)
    if match := S3_HOST.match(labels):
        bucket = match["bucket"]
        return Host("s3", name.removeprefix(f"{bucket}."), suffix, match["region"], bucket=bucket)
    return None
