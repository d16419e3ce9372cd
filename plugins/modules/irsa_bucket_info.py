#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_bucket_info
short_description: Gather information about the S3 bucket of an issuer
version_added: 0.1.0
description:
  - Checks whether a bucket exists, and returns its host name, which is the host name of its issuer.
  - Fails if the bucket belongs to another account or is in another region.
options:
  name:
    description:
      - Name of the bucket.
    type: str
    required: true
  account_id:
    description:
      - ID of the account that owns the bucket. If omitted, the account of the credentials is looked up with one API
        call.
    type: str
  required:
    description:
      - Whether to fail if the bucket does not exist.
    type: bool
    default: false
  private:
    description:
      - Whether to fail if the bucket does not block all public access. This takes one more API call.
    type: bool
    default: false
extends_documentation_fragment:
  - selfhosted.irsa._aws
  - selfhosted.irsa._attributes.read_only
  - selfhosted.irsa._attributes.aws
seealso:
  - module: selfhosted.irsa.irsa_bucket
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Look up the bucket
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
  description: Region of the bucket.
  returned: always
  type: str
  sample: eu-west-1
arn:
  description: ARN of the bucket.
  returned: always
  type: str
  sample: arn:aws:s3:::irsa-prod
host:
  description: Host name that serves the bucket over HTTPS.
  returned: always
  type: str
  sample: irsa-prod.s3.eu-west-1.amazonaws.com
account_id:
  description: ID of the account that owns the bucket.
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
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import describe_bucket
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
    conclude(module, lambda: _run(module), only_reads=True)


def _run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    aws, options = aws_of(module), module.params
    spec = spec_from(BucketSpec, options)
    found = describe_bucket(aws, spec, required=options["required"], private=options["private"])
    return {"changed": False, **found, "permissions": sorted(aws.permissions)}


if __name__ == "__main__":
    main()
