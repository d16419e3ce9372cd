# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rounds of runs at once at the endpoint that the environment names. The exit code is 1 if something was lost."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from urllib.parse import urlsplit

import boto3

from .figures import figures
from .rounds import PATH_STYLE, Round, Scene, run_round


def main() -> int:
    """Print the figures of each round. Return 1 if something was lost or a run failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--account-id", default=os.environ.get("IRSA_E2E_ACCOUNT_ID"))
    options = parser.parse_args()
    failed = [_failed(number, options) for number in range(options.rounds)]
    return int(any(failed))


def _failed(number: int, options: argparse.Namespace) -> bool:
    bucket = f"irsa-races-{secrets.token_hex(5)}"
    s3 = boto3.session.Session().client("s3", config=PATH_STYLE)
    if number % 2:  # otherwise the runs create it
        region = s3.meta.region_name
        at_aws = str(urlsplit(s3.meta.endpoint_url).hostname).endswith(".amazonaws.com")
        elsewhere = at_aws and region != "us-east-1"
        s3.create_bucket(
            Bucket=bucket, **({"CreateBucketConfiguration": {"LocationConstraint": region}} if elsewhere else {})
        )
    scene = Scene(bucket, f"https://issuer.example.com/{bucket}", options.account_id, runs=options.runs)
    try:
        return _report(run_round(scene))
    finally:
        for key in ("keys.json", ".well-known/openid-configuration"):
            s3.delete_object(Bucket=bucket, Key=key)
        s3.delete_bucket(Bucket=bucket)


def _report(done: Round) -> bool:
    print(figures(done), flush=True)
    return bool(done.lost or done.failures)


if __name__ == "__main__":
    sys.exit(main())
