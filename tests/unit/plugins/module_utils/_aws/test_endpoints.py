# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Host names of buckets: those of botocore in every partition, and those of custom endpoints."""

from __future__ import annotations

from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

SESSION = boto3.session.Session(aws_access_key_id="AKID", aws_secret_access_key="x")
REGIONS = [
    (partition, region)
    for partition in SESSION.get_available_partitions()
    for region in (*SESSION.get_available_regions("s3", partition)[:1], *(["us-east-1"] if partition == "aws" else []))
]


def client(region, service="s3", endpoint=None, **s3):
    config = Config(s3={"us_east_1_regional_endpoint": "regional", "addressing_style": "virtual", **s3})
    return SESSION.client(service, region_name=region, endpoint_url=endpoint, config=config)


def test_the_tested_regions_are_of_several_partitions():
    assert {"aws", "aws-cn", "aws-us-gov"} < {partition for partition, region in REGIONS}


@pytest.mark.parametrize(("partition", "region"), REGIONS, ids=str)
def test_the_bucket_host_is_the_one_botocore_signs_for(partition, region):
    s3 = client(region)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "irsa-prod", "Key": "keys.json"})
    endpoint = endpoint_of(s3)
    assert (endpoint.partition, endpoint.region, endpoint.is_aws) == (partition, region, True)
    assert endpoint.bucket_host("irsa-prod") == urlsplit(url).hostname


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "irsa-prod.s3.us-east-1.amazonaws.com"),
        ("eu-west-1", "irsa-prod.s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "irsa-prod.s3.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "irsa-prod.s3.us-gov-west-1.amazonaws.com"),
        ("eusc-de-east-1", "irsa-prod.s3.eusc-de-east-1.amazonaws.eu"),
        ("us-iso-east-1", "irsa-prod.s3.us-iso-east-1.c2s.ic.gov"),
    ],
)
def test_the_bucket_host_is_the_documented_one(region, host):
    """https://docs.aws.amazon.com/general/latest/gr/s3.html"""
    assert endpoint_of(SESSION.client("s3", region_name=region)).bucket_host("irsa-prod") == host


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://s3.rgw.example", "irsa-prod.s3.rgw.example"),
        ("https://minio.example.com/", "irsa-prod.minio.example.com"),
        ("https://minio.example.com:9000", "irsa-prod.s3.eu-west-1.amazonaws.com"),
        ("http://127.0.0.1:5000", "irsa-prod.s3.eu-west-1.amazonaws.com"),
        ("https://127.0.0.1", "irsa-prod.s3.eu-west-1.amazonaws.com"),
        ("https://[::1]", "irsa-prod.s3.eu-west-1.amazonaws.com"),
        ("http://minio.example.com", "irsa-prod.s3.eu-west-1.amazonaws.com"),
        ("https://localhost", "irsa-prod.s3.eu-west-1.amazonaws.com"),
        ("https://s3.eu-west-1.amazonaws.com.evil.example", "irsa-prod.s3.eu-west-1.amazonaws.com.evil.example"),
    ],
)
def test_another_store_serves_buckets_under_its_own_name(endpoint, host):
    endpoint = endpoint_of(client("eu-west-1", endpoint=endpoint))
    assert not endpoint.is_aws
    assert endpoint.bucket_host("irsa-prod") == host


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://s3.dualstack.eu-west-1.amazonaws.com",
        "https://s3-fips.us-gov-west-1.amazonaws.com",
        "https://bucket.vpce-1a2b3c4d-5e6f.s3.eu-west-1.vpce.amazonaws.com",
    ],
)
def test_other_aws_endpoints_are_aws(endpoint):
    endpoint = endpoint_of(client("eu-west-1", endpoint=endpoint))
    assert endpoint.is_aws
    assert endpoint.bucket_host("irsa-prod") == "irsa-prod.s3.eu-west-1.amazonaws.com"


def test_a_store_may_have_any_region_name():
    endpoint = endpoint_of(client("default", endpoint="https://s3.rgw.example"))
    assert (endpoint.partition, endpoint.region, endpoint.is_aws) == ("aws", "default", False)


def test_iam_is_in_the_partition_of_the_region():
    assert endpoint_of(SESSION.client("iam", region_name="cn-north-1")).partition == "aws-cn"
    assert endpoint_of(SESSION.client("iam", region_name="eu-west-1")).partition == "aws"


def test_a_missing_region_names_all_ways_to_set_it():
    with pytest.raises(IrsaError) as caught:
        endpoint_of(SESSION.client("iam", endpoint_url="https://s3.rgw.example"))
    for endpoint in ("Set region", "AWS_REGION", "profile"):
        assert endpoint in str(caught.value)
