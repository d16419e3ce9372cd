#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_bucket_info
short_description: Where an issuer's bucket is or would be
version_added: 0.1.0
description:
  - Looks whether a bucket exists, and says its host name, which is its issuer's.
  - A bucket of another account or in another region ends the run with a message.
options:
  name:
    description:
      - Name of the bucket.
    type: str
    required: true
  account_id:
    description:
      - Account ID of the bucket's owner. Omitted, it is that of the credentials, at the cost of one call.
    type: str
  required:
    description:
      - Whether a bucket that does not exist ends the run with a message.
    type: bool
    default: false
  private:
    description:
      - Whether a bucket that does not block all public access ends the run with a message. This is one more call.
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - selfhosted.irsa._attributes.read_only
  - selfhosted.irsa._attributes.aws
seealso:
  - module: selfhosted.irsa.irsa_bucket
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Look where the bucket is
  selfhosted.irsa.irsa_bucket_info:
    name: irsa-prod
    region: eu-west-1
  register: bucket
"""

RETURN = r"""
exists:
  description: Whether the bucket exists.
  returned: always
  type: bool
  sample: true
name:
  description: Name of the bucket.
  returned: always
  type: str
  sample: irsa-prod
region:
  description: Its region.
  returned: always
  type: str
  sample: eu-west-1
arn:
  description: Its ARN.
  returned: always
  type: str
  sample: arn:aws:s3:::irsa-prod
host:
  description: Host name that serves it over HTTPS.
  returned: always
  type: str
  sample: irsa-prod.s3.eu-west-1.amazonaws.com
account_id:
  description: Account ID of its owner.
  returned: always
  type: str
  sample: "123456789012"
permissions:
  description: IAM actions that the run needs.
  returned: always
  type: list
  elements: str
  sample: ["s3:ListBucket"]
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.selfhosted.irsa.plugins.module_utils._module.aws_module import (
    aws_module,
    aws_of,
    spec_from,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import look
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import BucketSpec


def main() -> None:
    module = aws_module(
        dict(
            name=dict(type="str", required=True),
            account_id=dict(type="str"),
            required=dict(type="bool", default=False),
            private=dict(type="bool", default=False),
        )
    )
    conclude(module, lambda: _run(module))


def _run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    aws, options = aws_of(module), module.params
    spec = spec_from(BucketSpec, options)
    found = look(aws, spec, required=options["required"], private=options["private"])
    return {"changed": False, **found, "permissions": sorted(aws.permissions)}


if __name__ == "__main__":
    main()
