# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows what the demo has made, read as anybody would read it.

Usage: python -m tests.demo.show
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import boto3


def fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def main() -> None:
    iam = boto3.client("iam")
    arn = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"][0]["Arn"]
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    issuer = f"https://{provider['Url']}"
    discovery = fetch(f"{issuer}/.well-known/openid-configuration")
    keys = fetch(discovery["jwks_uri"])["keys"]
    print(f"issuer     {discovery['issuer']}")
    print(f"discovery  {issuer}/.well-known/openid-configuration")
    print(f"JWKS       {discovery['jwks_uri']}")
    for key in keys:
        print(f"  key      kid {key['kid']}, {key['alg']}, use {key['use']}")
    print(f"provider   {arn}")
    print(f"  audience {', '.join(provider['ClientIDList'])}")
    print(f"  tags     {', '.join(tag['Key'] + '=' + tag['Value'] for tag in provider.get('Tags', []))}")


if __name__ == "__main__":
    main()
