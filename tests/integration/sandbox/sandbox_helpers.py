# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the sandbox share besides fixtures."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

REGION = "eu-west-1"
OPEN_TO_POLICIES = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}


def policy_for(bucket: str, *keys: str, **elements: Any) -> dict[str, Any]:
    """:return: a policy that lets everyone read `keys`; `elements` replace those of its one statement"""
    statement = {
        "Sid": "PublicDocuments",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": [f"arn:aws:s3:::{bucket}/{key}" for key in keys],
        **elements,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


class Refused:
    """Expects an AWS error with a code, and an HTTP status when given."""

    def __init__(self, code: str, status: int | None = None) -> None:
        self._raises = pytest.raises(ClientError)
        self._code = code
        self._status = status

    def __enter__(self) -> Any:
        self.info = self._raises.__enter__()
        return self.info

    def __exit__(self, *details: Any) -> bool:
        suppressed = self._raises.__exit__(*details)
        response = self.info.value.response
        assert response["Error"]["Code"] == self._code, response
        if self._status is not None:
            assert response["ResponseMetadata"]["HTTPStatusCode"] == self._status
        return bool(suppressed)
