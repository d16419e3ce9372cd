# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_issuer_role
short_description: Run irsa_issuer with the variables of its role
version_added: 0.1.0
description:
  - This action is private to role P(selfhosted.irsa.irsa_issuer#role) and may change at any time. Use
    M(selfhosted.irsa.irsa_issuer) in tasks of your own.
  - It takes no options. It reads the variables C(irsa_issuer_*) of the host, checks them against the role's argument
    specification, and runs M(selfhosted.irsa.irsa_issuer) with them.
options: {}
extends_documentation_fragment:
  - selfhosted.irsa._attributes
  - selfhosted.irsa._attributes.aws
requirements:
  - cryptography >= 3.4
  - jwcrypto >= 1.5
seealso:
  - module: selfhosted.irsa.irsa_issuer
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Ensure key, bucket, documents and provider
  selfhosted.irsa.irsa_issuer_role:
  delegate_to: localhost
  vars:
    irsa_issuer_bucket: example-irsa-prod
    irsa_issuer_key_path: /srv/irsa/prod/sa-signer.key
  register: issuer_run
"""

RETURN = r"""
issuer:
  description: Same as RV(selfhosted.irsa.irsa_issuer#module:issuer).
  returned: always
  type: dict
  sample:
    issuer: https://example-irsa-prod.s3.eu-west-1.amazonaws.com
    changed: false
key_wanted:
  description: Same as RV(selfhosted.irsa.irsa_issuer#module:key_wanted).
  returned: always
  type: bool
  sample: false
key_is_lost:
  description: Same as RV(selfhosted.irsa.irsa_issuer#module:key_is_lost).
  returned: always
  type: str
  sample: null
prepared:
  description: Same as RV(selfhosted.irsa.irsa_issuer#module:prepared).
  returned: always
  type: dict
  sample: null
more_to_do:
  description: Whether the role has further tasks to run, for a key on another host or one with a backup.
  returned: success
  type: bool
  sample: false
key_host:
  description: The host that the key is on.
  returned: success
  type: str
  sample: localhost
key_files:
  description: Paths of the key's files on that host, by the names of the options; null for a file that is not written.
  returned: success
  type: dict
  sample:
    key_path: /srv/irsa/prod/sa-signer.key
    public_key_path: /srv/irsa/prod/sa-signer-pkcs8.pub
    openssh_public_key_path: /srv/irsa/prod/sa-signer.key.pub
ran_for:
  description: Play and host that the task was run for. From it, the role recognizes which host of a cluster ran it.
  returned: success
  type: str
  sample: Give the cluster a working issuer on prod
actions:
  description: Same as RV(selfhosted.irsa.irsa_issuer#module:actions).
  returned: always
  type: list
  elements: str
  sample: ["s3:CreateBucket", "s3:PutPublicAccessBlock", "s3:PutBucketPolicy"]
permissions:
  description: Same as RV(selfhosted.irsa.irsa_issuer#module:permissions).
  returned: always
  type: list
  elements: str
  sample: ["iam:GetOpenIDConnectProvider", "s3:GetBucketPolicy", "s3:GetObject", "s3:ListBucket"]
"""
