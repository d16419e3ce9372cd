#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_rotation_state
short_description: Read and change what the bucket of an issuer holds of a key rotation
version_added: 0.1.0
description:
  - Role P(selfhosted.irsa.irsa_rotate#role) uses this module. Without O(publish), O(withdraw) and O(events) it only
    reads.
  - Adds keys to the JWKS and takes keys out of it. All other published keys stay. The discovery document gets the
    algorithms of all published keys, and nothing else in it changes. Both documents keep their Cache-Control.
  - After the JWKS, it writes the record C(rotation.json) beside it, a private object that says since when keys are
    published, accepted and used. Times are those of the store.
  - Each write is conditional. If another process has written the object meanwhile, it is read again and merged.
  - Stops if there is no JWKS, if no key would remain, if a key is published under the C(kid) of another one, and if the
    policy of the bucket lets everyone read the record.
options:
  bucket:
    description:
      - Name of the bucket.
    type: str
    required: true
  prefix:
    description:
      - Path of the documents in the bucket, without leading or trailing slash. If omitted, they are at the top level.
    type: str
  issuer:
    description:
      - Issuer URL.
    type: str
    required: true
  publish:
    description:
      - Public keys in PEM that join the JWKS.
    type: list
    elements: str
    default: []
  withdraw:
    description:
      - Key IDs that leave the JWKS. From then on, AWS STS refuses tokens signed with these keys.
    type: list
    elements: str
    default: []
  events:
    description:
      - What is to be remembered in addition to what this run publishes and withdraws. Each has C(kind), C(kid), and
        what belongs to its kind. An event without C(at) gets the time of the store.
    type: list
    elements: dict
    default: []
  by:
    description:
      - Who runs the playbook, for the record.
    type: str
  known_runs:
    description:
      - Runs that the record says have begun and have not ended, which do not count. If O(events) says that this run
        begins, and the record has yet another such run, the module stops.
    type: list
    elements: str
    default: []
  forget:
    description:
      - IDs of keys that nothing uses any longer. Whenever the record is written, it drops what it says of them and no
        decision needs, a year after the last event.
    type: list
    elements: str
    default: []
  cache_control:
    description:
      - Cache-Control header of a document that does not exist yet.
    type: str
    default: no-cache
  account_id:
    description:
      - ID of the account that owns the bucket; S3 refuses every call if another account owns it. If omitted, the
        account of the credentials is looked up with one API call.
    type: str
extends_documentation_fragment:
  - selfhosted.irsa._aws
  - selfhosted.irsa._attributes
  - selfhosted.irsa._attributes.aws
requirements:
  - jwcrypto >= 1.5
seealso:
  - module: selfhosted.irsa.irsa_publish
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Publish the next key beside the present one
  selfhosted.irsa.irsa_rotation_state:
    bucket: irsa-prod
    region: eu-west-1
    issuer: https://irsa-prod.s3.eu-west-1.amazonaws.com
    publish:
      - "{{ lookup('ansible.builtin.file', 'next.pub') }}"
    by: platform-ci
"""

RETURN = r"""
published:
  description: All published keys.
  returned: always
  type: list
  elements: dict
  contains:
    kid:
      description: Key ID.
      type: str
    algorithm:
      description: JWS algorithm.
      type: str
  sample:
    - kid: ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng
      algorithm: RS256
jwks_json:
  description: Text of the published JWKS.
  returned: always
  type: str
  sample: "{\n  \"keys\": […]\n}\n"
algorithms:
  description:
    - The algorithms that the discovery document named when it was read; null if the next change of keys writes that
      document whatever the algorithms are.
  returned: always
  type: list
  elements: str
  sample: [RS256]
modified:
  description: When the JWKS was written last, in seconds since 1970; null if the store does not say.
  returned: always
  type: float
  sample: 1767225600.0
max_age:
  description: For how long the headers of the JWKS let caches keep it, in seconds; null if they do not say.
  returned: always
  type: int
  sample: 0
now:
  description: The time of the store, in seconds since 1970.
  returned: always
  type: float
  sample: 1767229200.0
record:
  description: Text of the record, or null.
  returned: always
  type: str
  sample: "{\n  \"events\": […],\n  \"version\": 1\n}\n"
account_id:
  description: ID of the account that owns the bucket.
  returned: always
  type: str
  sample: "123456789012"
actions:
  description: API calls that write, in order; in check mode, those that a run would make.
  returned: always
  type: list
  elements: str
  sample: ["s3:PutObject", "s3:PutObject"]
permissions:
  description: IAM actions that the run needs, including those for reading.
  returned: always
  type: list
  elements: str
  sample: ["s3:GetBucketPolicy", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
"""

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.aws_module import (
    aws_module,
    aws_of,
    conclude_outcome,
    require_conditional_writes,
    spec_from,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import store
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.publication import StateSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import DEFAULT_CACHE_CONTROL


class StateModule(MaskedModule):
    """Masks private keys in this option."""

    public_key_options = ("publish",)


def main() -> None:
    module = aws_module(
        dict(
            bucket=dict(type="str", required=True),
            prefix=dict(type="str"),
            issuer=dict(type="str", required=True),
            publish=dict(type="list", elements="str", default=[]),
            withdraw=dict(type="list", elements="str", default=[]),
            events=dict(type="list", elements="dict", default=[]),
            by=dict(type="str"),
            known_runs=dict(type="list", elements="str", default=[]),
            forget=dict(type="list", elements="str", default=[]),
            cache_control=dict(type="str", default=DEFAULT_CACHE_CONTROL),
            account_id=dict(type="str"),
        ),
        StateModule,
        libraries={jwk.JWCRYPTO_REQUIREMENT: jwk.JWCRYPTO_IMPORT_ERROR},
    )
    require_conditional_writes(module)
    spec = spec_from(StateSpec, module.params)
    conclude_outcome(module, lambda: store.ensure_state(aws_of(module), spec, module.check_mode))


if __name__ == "__main__":
    main()
