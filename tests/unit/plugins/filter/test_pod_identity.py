# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter pod_identity: the same as what injection gives, and refusal of what Kubernetes would refuse."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.selfhosted.irsa.plugins.filter.pod_identity import FilterModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import pod_identity as logic
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings

ROLE = "arn:aws:iam::123456789012:role/path/app"


def pod_identity(*arguments, **options):
    return FilterModule().filters()["pod_identity"](*arguments, **options)


def test_options_are_the_settings_of_injection():
    assert pod_identity(ROLE) == logic.pod_identity(ROLE, Settings())
    chosen = {
        "region": "eu-west-1",
        "audience": "a",
        "expiration": 3600,
        "mount_path": "/t",
        "sts_regional_endpoints": False,
    }
    assert pod_identity(ROLE, **chosen) == logic.pod_identity(ROLE, Settings(**chosen))
    assert pod_identity(ROLE, expiration="3600", region=None) == pod_identity(ROLE, expiration=3600)


@pytest.mark.parametrize("no", [False, "false", "False", "no", 0])
def test_no_is_no_also_as_a_text(no):
    """As variables from the command line are."""
    assert pod_identity(ROLE, sts_regional_endpoints=no) == pod_identity(ROLE, sts_regional_endpoints=False)
    assert "AWS_STS_REGIONAL_ENDPOINTS" not in str(pod_identity(ROLE, sts_regional_endpoints=no))
    assert pod_identity(ROLE, sts_regional_endpoints="true") == pod_identity(ROLE)


@pytest.mark.parametrize(
    "arn", ["", None, 5, [], "app", "arn:aws:iam::123456789012:user/app", "arn:aws:iam::1:role/app", ROLE + "\n"]
)
def test_what_is_no_role_is_refused(arn):
    with pytest.raises(AnsibleFilterError, match="expects the ARN of an IAM role"):
        pod_identity(arn)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws-cn:iam::123456789012:role/app",
        "arn:aws-us-gov:iam::123456789012:role/a.b+c",
        "arn:aws:iam::RGW12345678901234567:role/app",
    ],
)
def test_roles_of_all_partitions_and_of_ceph_are_accepted(arn):
    assert {"name": "AWS_ROLE_ARN", "value": arn} in pod_identity(arn)["env"]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"expiration": 5}, "expiration"),
        ({"expiration": "soon"}, "expiration"),
        ({"expiration": None}, "expiration"),
        ({"expiration": 3600.5}, "expiration"),
        ({"expiration": True}, "expiration"),
        ({"region": "?"}, "region"),
        ({"region": ["eu-west-1"]}, "region"),
        ({"mount_path": "x"}, "mount_path"),
        ({"mount_path": None}, "mount_path"),
        ({"audience": ""}, "audience"),
        ({"audience": None}, "audience"),
        ({"audience": ["a"]}, "audience"),
        ({"sts_regional_endpoints": "sometimes"}, "sts_regional_endpoints"),
        ({"sts_regional_endpoints": None}, "sts_regional_endpoints"),
        ({"sts_regional_endpoints": "x" * 1000}, "sts_regional_endpoints"),
    ],
)
def test_an_invalid_option_is_named(options, name):
    with pytest.raises(AnsibleFilterError, match=f"^pod_identity: {name} must be"):
        pod_identity(ROLE, **options)
