# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM OIDC providers, read: one by its ARN, or those that match a URL, an ARN or tags."""

from __future__ import annotations

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import account_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Answer, Aws, Read
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_rules import is_provider_arn
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import parse_registered, provider_arn

Provider = dict[str, t.Any]


def arn_of(aws: Aws, url: str, account_id: str) -> str:
    """Return the ARN that the provider of an issuer has, or would have, in an account."""
    return provider_arn(endpoint_of(aws.client("iam")).partition, account_id, url)


def read_of(aws: Aws, arn: str) -> Read:
    """Return the read of one provider."""
    return aws.read(
        "iam", "GetOpenIDConnectProvider", arn, absent_codes=("NoSuchEntity",), OpenIDConnectProviderArn=arn
    )


def read_provider(aws: Aws, arn: str) -> Provider | None:
    """Return one provider as modules return it, None if none has that ARN. Raises CallFailed."""
    return parse_answer(arn, read_of(aws, arn).result())


def parse_answer(arn: str, answer: Answer) -> Provider | None:
    """Return a provider as modules return it, from the answer of GetOpenIDConnectProvider (None: there is none)."""
    if answer is None:
        return None
    return {
        "arn": arn,
        "url": "https://" + answer["Url"].removeprefix("https://"),
        "client_ids": sorted(answer.get("ClientIDList", [])),
        "thumbprints": sorted(answer.get("ThumbprintList", [])),
        "tags": boto3_tag_list_to_ansible_dict(answer.get("Tags", [])),
        "create_date": answer["CreateDate"].isoformat() if answer.get("CreateDate") else None,
    }


def find_providers(
    aws: Aws,
    *,
    url: str | None = None,
    arn: str | None = None,
    tags: dict[str, str] | None = None,
    account_id: str | None = None,
) -> list[Provider]:
    """Return the providers that match all that is given.

    Makes one call if URL or ARN is given, else one and one more for each provider. Raises IrsaError.
    """
    arns = _arns(aws, url=url, arn=arn, account_id=account_id)
    found = [provider for provider in (read_provider(aws, each) for each in arns) if provider is not None]
    required = (tags or {}).items()
    return [
        provider
        for provider in found
        if required <= provider["tags"].items() and (url is None or provider["url"] == url)
    ]


def _arns(aws: Aws, *, url: str | None, arn: str | None, account_id: str | None) -> list[str]:
    """Return the ARNs of the providers to read."""
    if arn is not None and not is_provider_arn(arn):
        raise IrsaError(
            f"arn is {quoted(arn)}; the ARN of a provider is arn:aws:iam::<account ID>:oidc-provider/<host and path>."
        )
    if url is not None:
        parse_registered(url)
    if arn is not None:
        return [arn]
    if url is not None:
        return [arn_of(aws, url, account_of(aws, account_id))]
    answer = aws.call("iam", "ListOpenIDConnectProviders", "the account") or {}
    return sorted(entry["Arn"] for entry in answer.get("OpenIDConnectProviderList", []))
