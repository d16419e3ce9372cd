#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_key_backup
short_description: Keep a copy of a signing key in a private S3 bucket
version_added: 0.1.0
description:
  - Uploads the files of a key to a bucket that blocks all public access. Each object has the name of its file.
  - Objects are created and never replaced. The copy of the same key, in whatever format, stays as it is. Another key or
    anything else under such a name stops the module before it uploads anything, since it may be the last copy of a key.
  - Checks right before the first upload and right after the last one that the bucket blocks all public access.
options:
  destination:
    description:
      - C(s3://bucket/prefix) of a private bucket. Give each cluster a prefix of its own.
    type: str
    required: true
  key_path:
    description:
      - Path of the private key. Only a key without a passphrase can be backed up.
    type: path
    required: true
  public_key_path:
    description:
      - Path of the public key in PEM format, which is uploaded, too. If omitted or empty, it is not.
    type: path
  openssh_public_key_path:
    description:
      - Path of the public key in OpenSSH format, which is uploaded, too. If omitted or empty, it is not.
    type: path
  upload:
    description:
      - Whether to upload the files. V(false) only checks that the bucket is private and that nothing else is in their
        place. The key may then still be missing.
    type: bool
    default: true
  account_id:
    description:
      - ID of the account that owns the bucket. If omitted, the account of the credentials is looked up with one API
        call. A bucket of any other account is refused.
    type: str
extends_documentation_fragment:
  - selfhosted.irsa._aws
  - selfhosted.irsa._attributes
  - selfhosted.irsa._attributes.aws
requirements:
  - cryptography >= 3.4
seealso:
  - module: selfhosted.irsa.irsa_keypair
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Keep a copy of the signing key
  selfhosted.irsa.irsa_key_backup:
    destination: s3://example-vault/irsa/prod
    key_path: /srv/irsa/prod/sa-signer.key
    public_key_path: /srv/irsa/prod/sa-signer-pkcs8.pub
    region: eu-west-1
"""

RETURN = r"""
bucket:
  description: Name of the bucket.
  returned: always
  type: str
  sample: example-vault
account_id:
  description: ID of the account that owns the bucket.
  returned: always
  type: str
  sample: "123456789012"
kid:
  description: ID of the key, the C(kid) in its tokens; null for a key that does not exist yet.
  returned: always
  type: str
  sample: ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng
objects:
  description: The copies, in the order of the files.
  returned: always
  type: list
  elements: dict
  contains:
    key:
      description: Key of the object.
      type: str
    path:
      description: Path of the file.
      type: str
    changed:
      description: Whether the file was uploaded.
      type: bool
  sample:
    - key: irsa/prod/sa-signer.key
      path: /srv/irsa/prod/sa-signer.key
      changed: true
actions:
  description: API calls that write, in order; in check mode, those that a run would make.
  returned: always
  type: list
  elements: str
  sample: ["s3:PutObject"]
permissions:
  description: IAM actions that the run needs, including those for reading.
  returned: always
  type: list
  elements: str
  sample: ["s3:GetBucketPublicAccessBlock", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
"""


from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.aws_module import (
    aws_module,
    aws_of,
    conclude_outcome,
    require_conditional_writes,
    spec_from,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.key_backup import KeyBackupSpec, ensure_backup


def main() -> None:
    module = aws_module(
        dict(
            destination=dict(type="str", required=True),
            key_path=dict(type="path", required=True, no_log=False),
            public_key_path=dict(type="path"),
            openssh_public_key_path=dict(type="path"),
            upload=dict(type="bool", default=True),
            account_id=dict(type="str"),
        ),
        libraries={signing_key.CRYPTOGRAPHY_REQUIREMENT: signing_key.CRYPTOGRAPHY_IMPORT_ERROR},
    )
    require_conditional_writes(module)
    conclude_outcome(module, lambda: _run(module))


def _run(module: AnsibleAWSModule) -> Outcome[ApiCall]:
    spec: KeyBackupSpec = spec_from(KeyBackupSpec, module.params)
    return ensure_backup(aws_of(module), spec, module.check_mode)


if __name__ == "__main__":
    main()
