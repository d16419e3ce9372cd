# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host names of S3 and their parts."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_host


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("b.s3.eu-west-1.amazonaws.com", ("b", "eu-west-1", "amazonaws.com")),
        ("b.s3-eu-west-1.amazonaws.com", ("b", "eu-west-1", "amazonaws.com")),
        ("b.s3.dualstack.us-gov-west-1.amazonaws.com", ("b", "us-gov-west-1", "amazonaws.com")),
        ("b.s3.amazonaws.com", ("b", None, "amazonaws.com")),
        ("b.s3-accelerate.dualstack.amazonaws.com", ("b", None, "amazonaws.com")),
        ("with.dots.s3.cn-north-1.amazonaws.com.cn", ("with.dots", "cn-north-1", "amazonaws.com.cn")),
        ("b.s3.eusc-de-east-1.amazonaws.eu", ("b", "eusc-de-east-1", "amazonaws.eu")),
        ("b.s3.us-iso-east-1.c2s.ic.gov", ("b", "us-iso-east-1", "c2s.ic.gov")),
        ("s3.eu-west-1.amazonaws.com", (None, "eu-west-1", "amazonaws.com")),
        ("s3.amazonaws.com", (None, None, "amazonaws.com")),
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
        "b.s3-website-eu-west-1.amazonaws.com",
        "b.s3.eu-west-1.amazonaws.com.example.com",
        f"{'b' * 300}.s3.amazonaws.com",
    ],
)
def test_another_host_is_not_parsed(host):
    assert parse_s3_host(host) is None
