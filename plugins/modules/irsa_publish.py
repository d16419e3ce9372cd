#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_publish
short_description: Publish the discovery document and JWKS of an issuer in a bucket
version_added: 0.1.0
description:
  - Writes each of the two documents if its content or headers differ, the JWKS first. Each write is conditional, so it
    never overwrites what another process has written since the document was read.
  - Keeps published keys that are not in O(jwks_json), with a warning that names them. The discovery document lists the
    algorithms of all published keys.
  - Also looks for published keys at the URL that the present discovery document names. If another object of the bucket
    is served there, its keys are kept in the new JWKS, and the object is left as it is. If it is not certain which
    object is served there, the module stops.
  - Stops if O(jwks_json) has a different key under the C(kid) of a published one, or a key that a rotation has
    withdrawn (M(selfhosted.irsa.irsa_rotation_state)).
  - Documents that differ only in the order of their keys, or of the lists in the discovery document, are not changed.
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
      - Issuer URL. Published documents of another issuer are not overwritten, unless O(overwrite=true).
      - If it is an address of S3, it must be that of O(bucket) and O(prefix).
    type: str
    required: true
  jwks_json:
    description:
      - The JWKS, as text or as an object, as returned by M(selfhosted.irsa.irsa_jwks). Required with O(state=present),
        except in check mode while the key does not exist.
    type: raw
  discovery_json:
    description:
      - The discovery document, as text or as an object, as returned by M(selfhosted.irsa.irsa_jwks). Required with
        O(state=present), except in check mode while the key does not exist.
    type: raw
  purge_keys:
    description:
      - Whether to remove published keys that are not in O(jwks_json), including one that has the C(kid) of a given key.
        Keys that a rotation has published or found there stay, with a warning.
        From then on, AWS STS refuses tokens signed with them.
    type: bool
    default: false
  overwrite:
    description:
      - Whether to overwrite or remove documents that are not JSON or that belong to another issuer, to publish although
        it is not certain where the present JWKS is, and to remove a JWKS that may not be the issuer's.
    type: bool
    default: false
  cache_control:
    description:
      - Cache-Control header of both documents.
    type: str
    default: no-cache
  account_id:
    description:
      - ID of the account that owns the bucket; S3 refuses every call if another account owns it. If omitted, the
        account of the credentials is looked up with one API call.
    type: str
  state:
    description:
      - V(absent) removes both documents. A JWKS is kept, with a warning, if the issuer's discovery document does not
        name it and it has no key of O(jwks_json).
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - selfhosted.irsa._aws
  - selfhosted.irsa._attributes
  - selfhosted.irsa._attributes.aws
requirements:
  - jwcrypto >= 1.5
seealso:
  - module: selfhosted.irsa.irsa_jwks
  - module: selfhosted.irsa.irsa_bucket
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Publish the documents
  selfhosted.irsa.irsa_publish:
    bucket: irsa-prod
    region: eu-west-1
    issuer: https://irsa-prod.s3.eu-west-1.amazonaws.com
    jwks_json: "{{ documents.jwks_json }}"
    discovery_json: "{{ documents.discovery_json }}"
"""

RETURN = r"""
documents:
  description: The two documents, JWKS first.
  returned: always
  type: list
  elements: dict
  contains:
    key:
      description: Key of the object.
      type: str
    url:
      description: URL of the document.
      type: str
    etag:
      description: ETag of the object; null if it is not written yet.
      type: str
    changed:
      description: Whether this run wrote or removed the document; in check mode, whether a run would.
      type: bool
  sample:
    - key: keys.json
      url: https://irsa-prod.s3.eu-west-1.amazonaws.com/keys.json
      etag: '"0f343b0931126a20f133d67c2b018a3b"'
      changed: false
account_id:
  description: ID of the account that owns the bucket.
  returned: always
  type: str
  sample: "123456789012"
kids:
  description: Key IDs of all published keys.
  returned: always
  type: list
  elements: str
  sample: [ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng]
foreign_kids:
  description: Key IDs of the published keys that are not in O(jwks_json).
  returned: always
  type: list
  elements: str
  sample: []
published_keys:
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
    foreign:
      description: Whether the key is not in O(jwks_json).
      type: bool
  sample:
    - kid: ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng
      algorithm: RS256
      foreign: false
jwks_json:
  description: Text of the published JWKS, or null.
  returned: when O(state=present)
  type: str
  sample: "{\n  \"keys\": […]\n}\n"
discovery_json:
  description: Text of the published discovery document, or null.
  returned: when O(state=present)
  type: str
  sample: "{\n  \"issuer\": \"https://irsa-prod.s3.eu-west-1.amazonaws.com\", …\n}\n"
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
  sample: ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
"""

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.aws_module import (
    aws_module,
    aws_of,
    conclude_outcome,
    require_conditional_writes,
    spec_from,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.withdrawn import IssuerDocuments
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import publication_absent, publication_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import (
    DEFAULT_CACHE_CONTROL,
    PublicationSpec,
)


class PublishModule(MaskedModule):
    """Masks private keys in these options."""

    public_key_options = ("jwks_json", "discovery_json")


def main() -> None:
    module = aws_module(
        dict(
            bucket=dict(type="str", required=True),
            prefix=dict(type="str"),
            issuer=dict(type="str", required=True),
            jwks_json=dict(type="raw"),
            discovery_json=dict(type="raw"),
            purge_keys=dict(type="bool", default=False, no_log=False),
            overwrite=dict(type="bool", default=False),
            cache_control=dict(type="str", default=DEFAULT_CACHE_CONTROL),
            account_id=dict(type="str"),
            state=dict(type="str", default="present", choices=["present", "absent"]),
        ),
        PublishModule,
        libraries={jwk.JWCRYPTO_REQUIREMENT: jwk.JWCRYPTO_IMPORT_ERROR},
    )
    options = dict(module.params)
    require_conditional_writes(module)
    absent = options["state"] == "absent"
    missing = [name for name in ("jwks_json", "discovery_json") if options[name] is None]
    if missing and not absent and not module.check_mode:
        module.fail_json(
            msg=f"missing required arguments: {', '.join(missing)}. "
            "They may be omitted only in check mode, while the key does not exist."
        )

    def published() -> Outcome[ApiCall]:
        texts = document_set.given_texts(options["jwks_json"], options["discovery_json"])
        given = aws_of(module), spec_from(PublicationSpec, {**options, **texts}), module.check_mode
        if absent:
            return publication_absent.ensure_absent(*given)
        return publication_present.ensure_present(*given, documents=IssuerDocuments)

    conclude_outcome(module, published)


if __name__ == "__main__":
    main()
