#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_oidc_provider
short_description: Manage the IAM OIDC provider of an issuer
version_added: 0.1.0
description:
  - Registers an issuer with IAM, so that roles can trust its tokens. Repairs an existing provider in place; it is never
    deleted and created again.
options:
  url:
    description:
      - Issuer URL, byte for byte as in the C(iss) claim of tokens.
      - The address of a document and an internal host are refused, but can be removed with O(state=absent).
    type: str
    required: true
  client_ids:
    description:
      - Audiences that the provider accepts. AWS SDKs and the EKS pod identity webhook use V(sts.amazonaws.com).
    type: list
    elements: str
    default: [sts.amazonaws.com]
  purge_client_ids:
    description:
      - Whether to remove audiences that are not in O(client_ids), with a warning that names them.
    type: bool
    default: true
  thumbprints:
    description:
      - Thumbprints of the provider, each the SHA-1 hash of a CA certificate in 40 hexadecimal digits. They replace
        those that it has.
      - If omitted, AWS validates the issuer's certificate with its own library of CAs, which covers S3 and every public
        CA, and existing thumbprints are kept.
      - The single value V(auto) computes the thumbprint from the certificate chain that the issuer's host presents. A
        private CA requires a thumbprint, as do some other implementations of the API.
      - A placeholder, such as forty zeros, is accepted with a warning.
    type: list
    elements: str
  account_id:
    description:
      - ID of the account that owns the provider. If omitted, the account of the credentials is looked up with one API
        call.
      - The module fails if the credentials belong to another account.
    type: str
  ignore_role_trust:
    description:
      - Whether O(state=absent) removes a provider that IAM roles still trust. Otherwise the module fails and lists
        these roles.
    type: bool
    default: false
  state:
    description:
      - V(absent) removes the provider.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - selfhosted.irsa._aws
  - selfhosted.irsa._tags
  - selfhosted.irsa._route
  - selfhosted.irsa._attributes
  - selfhosted.irsa._attributes.aws
requirements:
  - cryptography >= 3.4
notes:
  - Publish the documents before you create the provider. IAM fetches them if no thumbprints are given.
seealso:
  - module: selfhosted.irsa.irsa_oidc_provider_info
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Register the issuer
  selfhosted.irsa.irsa_oidc_provider:
    url: https://irsa-prod.s3.eu-west-1.amazonaws.com
    tags:
      team: platform

- name: Register an issuer with a private CA
  selfhosted.irsa.irsa_oidc_provider:
    url: https://oidc.example.com
    thumbprints: [auto]
    ca_path: /etc/pki/example-ca.pem

- name: Remove it
  selfhosted.irsa.irsa_oidc_provider:
    url: https://irsa-prod.s3.eu-west-1.amazonaws.com
    state: absent
"""

RETURN = r"""
arn:
  description: ARN of the provider, whether it exists or not.
  returned: always
  type: str
  sample: arn:aws:iam::123456789012:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com
url:
  description: Issuer URL.
  returned: always
  type: str
  sample: https://irsa-prod.s3.eu-west-1.amazonaws.com
account_id:
  description: ID of the account that owns the provider.
  returned: always
  type: str
  sample: "123456789012"
client_ids:
  description: Audiences that the provider accepts when the module ends.
  returned: when O(state=present)
  type: list
  elements: str
  sample: [sts.amazonaws.com]
thumbprints:
  description: Thumbprints of the provider. Empty for one that was just created without any.
  returned: when O(state=present)
  type: list
  elements: str
  sample: []
tags:
  description: Tags of the provider.
  returned: when O(state=present)
  type: dict
  sample: {team: platform}
create_date:
  description: When the provider was created, in ISO 8601. Null for one that was just created.
  returned: when O(state=present)
  type: str
  sample: "2026-11-24T07:00:00+00:00"
actions:
  description: API calls that write, in order; in check mode, those that a run would make.
  returned: always
  type: list
  elements: str
  sample: ["iam:CreateOpenIDConnectProvider"]
permissions:
  description: IAM actions that the run needs, including those for reading.
  returned: always
  type: list
  elements: str
  sample: ["iam:CreateOpenIDConnectProvider", "iam:GetOpenIDConnectProvider"]
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import (
    provider_absent,
    provider_present,
    provider_rules,
    thumbprint,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_base import ProviderSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.aws_module import (
    aws_module,
    aws_of,
    conclude_outcome,
    spec_from,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route


def main() -> None:
    module = aws_module(
        dict(
            url=dict(type="str", required=True),
            client_ids=dict(type="list", elements="str", default=[DEFAULT_AUDIENCE]),
            purge_client_ids=dict(type="bool", default=True),
            thumbprints=dict(type="list", elements="str"),
            tags=dict(type="dict", aliases=["resource_tags"]),
            purge_tags=dict(type="bool", default=False),
            account_id=dict(type="str"),
            connect_to=dict(type="str"),
            ca_path=dict(type="path"),
            ignore_role_trust=dict(type="bool", default=False),
            state=dict(type="str", default="present", choices=["present", "absent"]),
        ),
        libraries={signing_key.CRYPTOGRAPHY_REQUIREMENT: signing_key.CRYPTOGRAPHY_IMPORT_ERROR},
    )
    conclude_outcome(module, lambda: _run(module))


def _run(module: AnsibleAWSModule) -> Outcome[ApiCall]:
    options = dict(module.params)
    absent = options["state"] == "absent"
    if not absent and options["thumbprints"]:
        provider_rules.check_thumbprints(options["thumbprints"])
        if options["thumbprints"] == [provider_rules.AUTO]:
            route = Route(options["connect_to"], options["ca_path"])
            options["thumbprints"] = [thumbprint.of_issuer(options["url"], route)]
    ensure = provider_absent.ensure_absent if absent else provider_present.ensure_present
    return ensure(aws_of(module), spec_from(ProviderSpec, options), module.check_mode)


if __name__ == "__main__":
    main()
