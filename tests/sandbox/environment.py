# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment that makes AWS clients use the embedded AWS, and nothing of the person who runs them."""

from __future__ import annotations

import os
from pathlib import Path

from .servers import LOOPBACK
from .state import Credentials

REGION = "eu-west-1"

# What would lead a client elsewhere, or add to the credentials: botocore's variables, and those amazon.aws reads.
REMOVED = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_S3_CONTROL",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_STS",
    "AWS_URL",
    "AWS_S3_ENDPOINT",
    "AWS_REGION",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_SESSION_NAME",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_DIR",
    "ALL_PROXY",
    "all_proxy",
)


def client_environment(proxy: str, ca_path: Path, credentials: Credentials) -> dict[str, str]:
    """:return: the variables to set; `REMOVED` must be unset beside them"""
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": f"{LOOPBACK},localhost",
        "no_proxy": f"{LOOPBACK},localhost",
        "AWS_CA_BUNDLE": str(ca_path),
        "SSL_CERT_FILE": str(ca_path),
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # A person's own profiles must not leak into a test.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def without_settings() -> dict[str, str]:
    """:return: this process's environment without what `REMOVED` names"""
    return {name: value for name, value in os.environ.items() if name not in REMOVED}
