# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bucket and object of a URL, in every form in which S3 and compatible stores serve them."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import Endpoint
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.bucket_checks import _located

AWS = Endpoint("aws", "eu-west-1", "amazonaws.com", "https://s3.eu-west-1.amazonaws.com", True)
STORE = Endpoint("aws", "us-east-1", "amazonaws.com", "https://s3.example.test", False)


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
    ],
)
def test_bucket_and_key_are_found_in_a_url(endpoint, url, found):
    assert _located(url, endpoint) == found
