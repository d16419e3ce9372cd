#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_bucket
short_description: The S3 bucket that serves an issuer's documents
version_added: 0.1.0
description:
  - Makes a bucket with ACLs off, whose one public policy statement opens the paths of the documents and nothing else;
    or repairs one.
  - Other people's policy statements, tags and settings are left alone.
  - A block of public access at account level is found and named before anything is made.
options:
  name:
    description:
      - Name of the bucket. It becomes a host name that is served over HTTPS, so it must have no dot.
    type: str
    required: true
  account_id:
    description:
      - Account ID of the bucket's owner, which every call then insists on. Omitted, it is that of the credentials, at
        the cost of one call.
    type: str
  public_paths:
    description:
      - Keys of the objects that anybody may read; V(*) stands for anything.
      - With O(state=absent) these are the objects that are deleted with the bucket; any other object stops the run.
    type: list
    elements: str
    default: [keys.json, .well-known/openid-configuration]
  purge_public_paths:
    description:
      - Whether paths that our policy statement opens and O(public_paths) does not name are closed.
      - Clusters that share a bucket leave this V(false), or each would close the others.
    type: bool
    default: false
  encryption:
    description:
      - Default encryption of the bucket. Omitted, it is not looked at; S3 encrypts with V(AES256) by itself.
      - A KMS key is refused, since nobody can read such an object anonymously, AWS STS included.
    type: str
  versioning:
    description:
      - Whether the bucket keeps old versions of objects. Omitted, this is not looked at.
    type: bool
  object_ownership:
    description:
      - Object ownership of the bucket. Omitted, a new one gets V(BucketOwnerEnforced), which turns ACLs off, and one
        that is there is not looked at.
    type: str
    choices: [BucketOwnerEnforced, BucketOwnerPreferred, ObjectWriter]
  namespace:
    description:
      - V(account-regional) makes the bucket in the account's own namespace, where nobody else can take the name when it
        is deleted. The name must then be of the form C(<prefix>-<account ID>-<region>-an). Needs botocore 1.42.70.
    type: str
    choices: [global, account-regional]
  state:
    description:
      - V(absent) deletes the bucket and all versions of the documents in it. A bucket with any other object is refused.
      - A global bucket name that was deleted can be taken by anybody. Remove the OIDC provider and the roles that trust
        it first.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - selfhosted.irsa._tags
  - selfhosted.irsa._attributes
  - selfhosted.irsa._attributes.aws
notes:
  - S3 writes a policy without a condition. The policy is read again after each write, and merged again where somebody
    else's write came in between. Two runs that open different paths in the same second can still undo each other in the
    moment between the last read of one and the write of the other; the next run repairs that. Clusters that open the
    same patterns are not affected.
seealso:
  - module: selfhosted.irsa.irsa_publish
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Make the bucket
  selfhosted.irsa.irsa_bucket:
    name: irsa-prod
    region: eu-west-1
    tags:
      team: platform

- name: Make one for many clusters
  selfhosted.irsa.irsa_bucket:
    name: irsa-fleet
    region: eu-west-1
    public_paths:
      - "*/keys.json"
      - "*/.well-known/openid-configuration"
"""

RETURN = r"""
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
  description: Host name that serves it over HTTPS. With C(https://) before it, it is an issuer.
  returned: always
  type: str
  sample: irsa-prod.s3.eu-west-1.amazonaws.com
account_id:
  description: Account ID of its owner.
  returned: always
  type: str
  sample: "123456789012"
created:
  description: Whether the bucket was made in this run; in check mode, whether it would be.
  returned: always
  type: bool
  sample: false
actions:
  description: API calls that write, in the order made; in check mode those that would be made.
  returned: always
  type: list
  elements: str
  sample: ["s3:CreateBucket", "s3:PutPublicAccessBlock", "s3:PutBucketPolicy"]
permissions:
  description: IAM actions that the run needs, those of reading included.
  returned: always
  type: list
  elements: str
  sample: ["s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:ListBucket"]
"""

from ansible_collections.selfhosted.irsa.plugins.module_utils._module.aws_module import (
    aws_module,
    aws_of,
    conclude_outcome,
    spec_from,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import object_keys
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_absent, bucket_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import BucketSpec


def main() -> None:
    module = aws_module(
        dict(
            name=dict(type="str", required=True),
            account_id=dict(type="str"),
            public_paths=dict(type="list", elements="str", default=list(object_keys(None))),
            purge_public_paths=dict(type="bool", default=False),
            tags=dict(type="dict", aliases=["resource_tags"]),
            purge_tags=dict(type="bool", default=False),
            encryption=dict(type="str"),
            versioning=dict(type="bool"),
            object_ownership=dict(type="str", choices=["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"]),
            namespace=dict(type="str", choices=["global", "account-regional"]),
            state=dict(type="str", default="present", choices=["present", "absent"]),
        )
    )
    absent = module.params["state"] == "absent"
    ensure = bucket_absent.ensure_absent if absent else bucket_present.ensure_present
    spec = spec_from(BucketSpec, module.params)
    conclude_outcome(module, lambda: ensure(aws_of(module), spec, module.check_mode))


if __name__ == "__main__":
    main()
