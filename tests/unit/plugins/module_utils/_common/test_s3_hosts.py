# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host names of S3 and their parts."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import (
    parse_s3_address,
    parse_s3_host,
)


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("b.s3.eu-west-1.amazonaws.com", ("b", "eu-west-1", "amazonaws.com", "regional")),
        ("b.s3-eu-west-1.amazonaws.com", ("b", "eu-west-1", "amazonaws.com", "legacy regional")),
        ("b.s3-us-gov-west-1.amazonaws.com", ("b", "us-gov-west-1", "amazonaws.com", "legacy regional")),
        ("b.s3-external-1.amazonaws.com", ("b", "us-east-1", "amazonaws.com", "legacy regional")),
        ("b.s3.dualstack.us-gov-west-1.amazonaws.com", ("b", "us-gov-west-1", "amazonaws.com", "dual-stack")),
        ("b.s3-fips.us-east-2.amazonaws.com", ("b", "us-east-2", "amazonaws.com", "FIPS")),
        ("b.s3-fips.dualstack.us-east-2.amazonaws.com", ("b", "us-east-2", "amazonaws.com", "FIPS")),
        ("b.s3-fips-us-gov-west-1.amazonaws.com", ("b", "us-gov-west-1", "amazonaws.com", "FIPS")),
        ("b.s3-website-eu-west-1.amazonaws.com", ("b", "eu-west-1", "amazonaws.com", "website")),
        ("b.s3-website.eu-central-1.amazonaws.com", ("b", "eu-central-1", "amazonaws.com", "website")),
        ("b.s3.amazonaws.com", ("b", None, "amazonaws.com", "global")),
        ("b.s3-accelerate.amazonaws.com", ("b", None, "amazonaws.com", "transfer acceleration")),
        ("b.s3-accelerate.dualstack.amazonaws.com", ("b", None, "amazonaws.com", "transfer acceleration")),
        ("with.dots.s3.cn-north-1.amazonaws.com.cn", ("with.dots", "cn-north-1", "amazonaws.com.cn", "regional")),
        ("s3.s3.eu-west-1.amazonaws.com", ("s3", "eu-west-1", "amazonaws.com", "regional")),
        ("b.s3.eusc-de-east-1.amazonaws.eu", ("b", "eusc-de-east-1", "amazonaws.eu", "regional")),
        ("b.s3.us-iso-east-1.c2s.ic.gov", ("b", "us-iso-east-1", "c2s.ic.gov", "regional")),
        ("s3.eu-west-1.amazonaws.com", (None, "eu-west-1", "amazonaws.com", "regional")),
        ("s3.amazonaws.com", (None, None, "amazonaws.com", "global")),
    ],
)
def test_a_host_of_s3_is_parsed(host, parts):
    assert parse_s3_host(host) == parts


@pytest.mark.parametrize(
    "host",
    [
        "",
        "irsa.example.com",
        "b.ec2.eu-west-1.amazonaws.com",
        "b.s3.example.com",
        "evil-amazonaws.com",
        "b.s3-control.eu-west-1.amazonaws.com",
        "b-123456789012.s3-accesspoint.eu-west-1.amazonaws.com",
        "b.s3-website.amazonaws.com",
        "b.s3-accelerate.eu-west-1.amazonaws.com",
        "b.s3.eu-west-1.amazonaws.com.example.com",
        f"{'b' * 300}.s3.amazonaws.com",
    ],
)
def test_another_host_is_not_parsed(host):
    assert parse_s3_host(host) is None
    assert parse_s3_address(f"https://{host}/b") is None


@pytest.mark.parametrize(
    ("url", "bucket", "region", "in_path", "path"),
    [
        ("https://b.s3.eu-west-1.amazonaws.com", "b", "eu-west-1", False, ""),
        ("https://B.S3.eu-west-1.amazonaws.com/prod/", "b", "eu-west-1", False, "prod"),
        ("b.s3.amazonaws.com/x/y", "b", "us-east-1", False, "x/y"),
        ("https://s3-eu-west-1.amazonaws.com/b/prod", "b", "eu-west-1", True, "prod"),
        ("https://s3.amazonaws.com/b", "b", "us-east-1", True, ""),
        ("https://b.s3-accelerate.amazonaws.com", "b", None, False, ""),
    ],
)
def test_an_address_of_s3_is_taken_apart(url, bucket, region, in_path, path):
    address = parse_s3_address(url)
    assert (address.bucket, address.region, address.in_path, address.path) == (bucket, region, in_path, path)


@pytest.mark.parametrize("url", ["https://s3.eu-west-1.amazonaws.com", "https://s3.amazonaws.com/", "https://x/b", ""])
def test_an_address_without_a_bucket_is_none(url):
    assert parse_s3_address(url) is None
