# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which bucket and object a URL addresses, in every form in which S3 and stores like it serve them."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import Endpoint
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_location import locate_object

AWS = Endpoint("aws", "eu-west-1", "amazonaws.com", "https://s3.eu-west-1.amazonaws.com", True)
STORE = Endpoint("aws", "us-east-1", "amazonaws.com", "https://s3.example.test", False)
NAMED_STORE = Endpoint("aws", "default", "amazonaws.com", "https://store.example.com", False)
REGION = "eu-west-1"


@pytest.mark.parametrize(
    ("endpoint", "url", "found"),
    [
        (AWS, "https://irsa.s3.eu-west-1.amazonaws.com/prod/keys.json", ("irsa", "prod/keys.json")),
        (AWS, "https://irsa.s3.amazonaws.com/keys.json", ("irsa", "keys.json")),
        (AWS, "https://irsa.s3.dualstack.eu-west-1.amazonaws.com/keys.json", ("irsa", "keys.json")),
        (AWS, "https://s3.eu-west-1.amazonaws.com/irsa/prod/keys.json", ("irsa", "prod/keys.json")),
        (AWS, "https://s3.amazonaws.com/irsa/keys.json", ("irsa", "keys.json")),
        (AWS, "https://s3.amazonaws.com/irsa", None),
        (AWS, "https://oidc.example.com/irsa/keys.json", None),
        (STORE, "https://irsa.s3.example.test/keys.json", ("irsa", "keys.json")),
        (STORE, "https://s3.example.test/irsa/prod/keys.json", ("irsa", "prod/keys.json")),
        (STORE, "https://irsa.s3.eu-west-1.amazonaws.com/keys.json", ("irsa", "keys.json")),
        (STORE, "https://other.example.test/irsa/keys.json", None),
        (AWS, f"https://b.s3.{REGION}.amazonaws.com/a/keys.json", ("b", "a/keys.json")),
        (AWS, "https://b.s3.us-east-1.amazonaws.com/keys.json", ("b", "keys.json")),
        (AWS, "https://b.s3.amazonaws.com/keys.json", ("b", "keys.json")),
        (AWS, f"https://s3.{REGION}.amazonaws.com/b/a/keys.json", ("b", "a/keys.json")),
        (AWS, f"https://s3.{REGION}.amazonaws.com/b", None),
        (AWS, "https://b.s3-eu-west-1.amazonaws.com/keys.json", ("b", "keys.json")),
        (AWS, f"https://b.s3.dualstack.{REGION}.amazonaws.com/k", ("b", "k")),
        (AWS, f"https://dotted.name.s3.{REGION}.amazonaws.com/k", ("dotted.name", "k")),
        (AWS, f"https://B.S3.{REGION}.amazonaws.com/k%20y", ("b", "k y")),
        (AWS, "https://b.s3.eu-west-1.amazonaws.com.cn/keys.json", None),
        (AWS, "https://b.ec2.eu-west-1.amazonaws.com/keys.json", None),
        (AWS, "https://evil-amazonaws.com/keys.json", None),
        (NAMED_STORE, "https://b.store.example.com/keys.json", ("b", "keys.json")),
        (NAMED_STORE, "https://store.example.com/b/a/keys.json", ("b", "a/keys.json")),
        (NAMED_STORE, "https://b.other.example.com/keys.json", None),
        (AWS, "https://b.s3-accelerate.amazonaws.com/keys.json", ("b", "keys.json")),
        (AWS, "https://b.s3-fips.dualstack.us-east-1.amazonaws.com/keys.json", ("b", "keys.json")),
        (AWS, "https://s3-external-1.amazonaws.com/b/keys.json", ("b", "keys.json")),
        (AWS, "https://b.s3.amazonaws.com//keys.json", ("b", "/keys.json")),
        # what botocore would send to another host than the endpoint
        (AWS, "https://s3.amazonaws.com/arn:aws:s3:us-west-2:111122223333:accesspoint:others/keys.json", None),
        (AWS, "https://s3.amazonaws.com/arn%3Aaws%3As3%3Aus-west-2%3A111122223333%3Aaccesspoint%3Ax/keys.json", None),
        (AWS, "https://s3.amazonaws.com/b%2Fa/keys.json", ("b", "a/keys.json")),
        (AWS, "https://s3.amazonaws.com/b:c/keys.json", None),
        (AWS, "https://b--usw2-az1--x-s3.s3.us-west-2.amazonaws.com/keys.json", None),
        (AWS, "https://s3.amazonaws.com/b--usw2-az1--xa-s3/keys.json", None),
        (AWS, "https://s3.amazonaws.com/b-o01000002d75dEXAMPLE--op-s3/keys.json", None),
        (STORE, "https://s3.example.test/arn:aws:s3:::b/keys.json", None),
        (AWS, f"https://{'b' * 300}.s3.amazonaws.com/keys.json", None),
    ],
)
def test_a_url_addresses_an_object(endpoint, url, found):
    assert locate_object(url, endpoint) == found
