# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows what the demo has created, read from the embedded AWS and, like any client, over HTTPS.

Usage: python -m tests.demo.show
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import boto3


def fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def main() -> None:
    iam = boto3.client("iam")
    arn = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"][0]["Arn"]
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    issuer = f"https://{provider['Url']}"
    discovery = fetch(f"{issuer}/.well-known/openid-configuration")
    keys = fetch(discovery["jwks_uri"])["keys"]
    show("issuer", discovery["issuer"])
    show("discovery", f"{issuer}/.well-known/openid-configuration")
    show("JWKS", discovery["jwks_uri"])
    for key in keys:
        show("key ID", f"{key['kid']} ({key['alg']})")
    show("provider", arn)
    show("audience", ", ".join(provider["ClientIDList"]))
    show("tags", ", ".join(f"{tag['Key']}={tag['Value']}" for tag in provider.get("Tags", [])))


def show(label: str, value: str) -> None:
    """Prints a fact, below its label where a terminal of 80 columns would wrap it."""
    line = f"{label:<10} {value}"
    print(line if len(line) <= 80 else f"{label}\n  {value}")


if __name__ == "__main__":
    main()
