#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_bucket
short_description: Manage the S3 bucket that serves an issuer
version_added: 0.1.0
description:
  - Creates or repairs a bucket with ACLs disabled and one public policy statement that opens the paths of the documents
    and nothing else.
  - Leaves other policy statements, tags and settings unchanged.
  - If the account blocks public access, the module fails with a message that says so before it creates anything.
  - A policy statement that has the Sid of the module's own, C(SelfhostedIrsaPublicDocuments), and says something else
    is not changed; the module fails with a message that shows it.
options:
  name:
    description:
      - Name of the bucket. S3's certificate does not cover the host name of a bucket with a dot in its name, so such a
        bucket can hold only the documents of an issuer on another host; the module warns of that.
    type: str
    required: true
  account_id:
    description:
      - ID of the account that owns the bucket; S3 refuses every call if another account owns it. If omitted, the
        account of the credentials is looked up with one API call.
    type: str
  public_paths:
    description:
      - Keys of the objects that are public. In the folders of a key, V(*) matches any text, slashes included, and V(?)
        any character. The name of the object must be given.
      - Before the module opens a pattern for the first time, it lists the objects that match it. The run stops if one
        of them is not a document of an issuer, see O(open_existing). An object is such a document if the discovery
        document in its folder says that the issuer is at that address.
      - With O(state=absent), the objects that are deleted with the bucket. Any other object stops the run, and so does
        one that matches a pattern or has a default name and is not a document of an issuer.
    type: list
    elements: str
    default: [keys.json, .well-known/openid-configuration]
  purge_public_paths:
    description:
      - Whether to close paths that the module's own policy statement opens and that are not in O(public_paths).
      - Keep V(false) if clusters share a bucket; otherwise each cluster would close the paths of the others.
    type: bool
    default: false
  open_existing:
    description:
      - Whether to go on, with a warning, if opening O(public_paths) would also make other things public. Otherwise they
        stop the run before it changes anything, with a list of them.
      - "These are: other statements of the bucket's policy that are public and become effective when the module lifts
        the bucket's access block; and objects that match a pattern in O(public_paths) and are not documents of an
        issuer."
    type: bool
    default: false
  encryption:
    description:
      - Default encryption of the bucket. If omitted, it is not managed. S3 encrypts with V(AES256) by default.
      - A KMS key is refused, because such objects cannot be read anonymously, not even by AWS STS.
    type: str
  versioning:
    description:
      - Whether the bucket keeps old versions of objects. If omitted, versioning is not managed.
    type: bool
  object_ownership:
    description:
      - Object ownership of the bucket. If omitted, a new bucket gets V(BucketOwnerEnforced), which disables ACLs, and
        the setting of an existing bucket is not managed.
    type: str
    choices: [BucketOwnerEnforced, BucketOwnerPreferred, ObjectWriter]
  namespace:
    description:
      - V(account-regional) creates the bucket in the account's own namespace, so no other account can take its name
        after it is deleted. The name must then have the form C(<prefix>-<account ID>-<region>-an). Requires botocore
        1.42.70.
    type: str
    choices: [global, account-regional]
  state:
    description:
      - V(absent) deletes the bucket with all versions of the documents in it. A bucket that contains any other object
        is not deleted.
      - Any account can take the global name of a deleted bucket. First remove the OIDC provider and the roles that
        trust it.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - selfhosted.irsa._aws
  - selfhosted.irsa._tags
  - selfhosted.irsa._attributes
  - selfhosted.irsa._attributes.aws
notes:
  - To tell documents of issuers from other objects, the module needs the permission C(s3:GetObject) when it opens a
    pattern in an existing bucket for the first time. What it may not read counts as another object.
  - S3 does not support conditional writes of the policy and the tags of a bucket. So the module reads them again right
    before it writes and once more 2 seconds later, and puts back what was lost. Runs of this collection do not lose
    each other's changes. What another program can still lose or overwrite is in the collection's
    C(docs/reliability.md).
seealso:
  - module: selfhosted.irsa.irsa_publish
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Create the bucket
  selfhosted.irsa.irsa_bucket:
    name: irsa-prod
    region: eu-west-1
    tags:
      team: platform

- name: Create a bucket for many clusters
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
  description: Host name that serves the bucket over HTTPS. The issuer is C(https://) followed by it.
  returned: always
  type: str
  sample: irsa-prod.s3.eu-west-1.amazonaws.com
account_id:
  description: ID of the account that owns the bucket.
  returned: always
  type: str
  sample: "123456789012"
created:
  description: Whether this run created the bucket; in check mode, whether a run would.
  returned: always
  type: bool
  sample: false
actions:
  description: API calls that write, in order; in check mode, those that a run would make.
  returned: always
  type: list
  elements: str
  sample: ["s3:CreateBucket", "s3:PutPublicAccessBlock", "s3:PutBucketPolicy"]
permissions:
  description: IAM actions that the run needs, including those for reading.
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
            open_existing=dict(type="bool", default=False),
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
