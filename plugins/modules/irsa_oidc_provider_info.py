#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_oidc_provider_info
short_description: Gather information about IAM OIDC providers
version_added: 0.1.0
description:
  - Lists the IAM OIDC providers that match all given options. With O(url) or O(arn) this takes one API call, no matter
    how many providers exist.
options:
  url:
    description:
      - Issuer URL of the provider.
    type: str
  arn:
    description:
      - ARN of the provider.
    type: str
  tags:
    description:
      - Tags that the provider must have.
    type: dict
  account_id:
    description:
      - ID of the account that owns the provider, used with O(url). If omitted, the account of the credentials is looked
        up with one API call.
    type: str
extends_documentation_fragment:
  - selfhosted.irsa._aws
  - selfhosted.irsa._attributes.read_only
  - selfhosted.irsa._attributes.aws
seealso:
  - module: selfhosted.irsa.irsa_oidc_provider
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Look up the provider of an issuer
  selfhosted.irsa.irsa_oidc_provider_info:
    url: https://irsa-prod.s3.eu-west-1.amazonaws.com
  register: issuer_providers

- name: List the providers of a team
  selfhosted.irsa.irsa_oidc_provider_info:
    tags:
      team: platform
"""

RETURN = r"""
providers:
  description: The providers, sorted by ARN.
  returned: always
  type: list
  elements: dict
  contains:
    arn:
      description: ARN of the provider.
      type: str
    url:
      description: Issuer URL.
      type: str
    client_ids:
      description: Audiences that the provider accepts.
      type: list
      elements: str
    thumbprints:
      description: Thumbprints of the provider.
      type: list
      elements: str
    tags:
      description: Tags of the provider.
      type: dict
    create_date:
      description: When the provider was created, in ISO 8601.
      type: str
  sample:
    - arn: arn:aws:iam::123456789012:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com
      url: https://irsa-prod.s3.eu-west-1.amazonaws.com
      client_ids: [sts.amazonaws.com]
      thumbprints: []
      tags: {team: platform}
      create_date: "2026-11-24T07:00:00+00:00"
permissions:
  description: IAM actions that the run needs.
  returned: always
  type: list
  elements: str
  sample: ["iam:GetOpenIDConnectProvider"]
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider import find_providers
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.aws_module import (
    aws_module,
    aws_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude


def main() -> None:
    module = aws_module(
        dict(
            url=dict(type="str"),
            arn=dict(type="str"),
            tags=dict(type="dict"),
            account_id=dict(type="str"),
        )
    )
    conclude(module, lambda: _run(module), only_reads=True)


def _run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    aws = aws_of(module)
    filters = {name: module.params[name] for name in ("url", "arn", "tags", "account_id")}
    providers = find_providers(aws, **filters)
    return {"changed": False, "providers": providers, "permissions": sorted(aws.permissions)}


if __name__ == "__main__":
    main()
