#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_issuer
short_description: Bucket, documents and IAM OIDC provider of an issuer in one task
version_added: 0.1.0
description:
  - Does what M(selfhosted.irsa.irsa_bucket), M(selfhosted.irsa.irsa_jwks), M(selfhosted.irsa.irsa_publish),
    M(selfhosted.irsa.irsa_oidc_provider) and M(selfhosted.irsa.irsa_verify) do one after the other, with the same rules.
  - What they read is read at the same time, and all of it is planned before anything is written, so that whatever is
    wrong in one place stops the run before another is changed.
  - This is what role P(selfhosted.irsa.irsa_issuer#role) runs. The key is looked at and made, too, where it is on the
    controller; else the module takes what M(selfhosted.irsa.irsa_keypair) returned on the key's host.
options:
  key_path:
    description:
      - Path of the private key on the controller, and O(public_key_path), O(openssh_public_key_path) those of its public
        forms. With it the module does what M(selfhosted.irsa.irsa_keypair) does, where it runs in the controller's process
        as the user who runs ansible-playbook. Elsewhere (with C(become), another interpreter, or V(irsa_direct=false))
        nothing is done, and RV(key_wanted) says that O(key) is wanted.
    type: path
  public_key_path:
    description:
      - As O(selfhosted.irsa.irsa_keypair#module:public_key_path).
    type: path
  openssh_public_key_path:
    description:
      - As O(selfhosted.irsa.irsa_keypair#module:openssh_public_key_path).
    type: path
  key_type:
    description:
      - As O(selfhosted.irsa.irsa_keypair#module:type).
    type: str
    choices: [RSA, ECDSA]
  key_size:
    description:
      - As O(selfhosted.irsa.irsa_keypair#module:size).
    type: int
    choices: [2048, 3072, 4096]
  key_curve:
    description:
      - As O(selfhosted.irsa.irsa_keypair#module:curve).
    type: str
    choices: [P-256, P-384, P-521]
  key_regenerate:
    description:
      - As O(selfhosted.irsa.irsa_keypair#module:regenerate).
    type: str
    choices: [never, fail]
    default: fail
  key_owner:
    description:
      - As O(selfhosted.irsa.irsa_keypair#module:owner).
    type: str
  key_group:
    description:
      - As O(selfhosted.irsa.irsa_keypair#module:group).
    type: str
  key_mode:
    description:
      - As O(selfhosted.irsa.irsa_keypair#module:mode).
    type: raw
  key:
    description:
      - What M(selfhosted.irsa.irsa_keypair) returned. With O(state=present) either this or O(key_path) is wanted.
      - While there is no key (RV(selfhosted.irsa.irsa_keypair#module:exists) is false), only the bucket is made or
        repaired, and RV(key_wanted) is true. Make the key then, unless RV(key_is_lost) says why not, and call this
        module once more with the key and with O(prepared).
    type: dict
  prepared:
    description:
      - RV(prepared) of the call before there was a key.
    type: dict
  bucket:
    description:
      - Name of the bucket. Omitted, only O(url) is registered, and its documents have to be served by other means.
    type: str
  manage_bucket:
    description:
      - Whether the bucket is made and repaired. With V(false) it is somebody else's, and only published into.
    type: bool
    default: true
  prefix:
    description:
      - Path under the bucket, for many issuers in one bucket.
    type: str
  url:
    description:
      - The issuer, byte for byte as tokens have it in C(iss), where it is not the bucket's own host and O(prefix).
    type: str
  account_id:
    description:
      - Account ID of the provider, and of the bucket unless O(bucket_account_id) is given. Omitted, it is that of the
        credentials, at the cost of one call.
    type: str
  bucket_account_id:
    description:
      - Account ID of the bucket's owner, where that is another account.
    type: str
  bucket_public_paths:
    description:
      - Keys of the objects that anybody may read; V(*) stands for anything. The default is the two documents, or with
        O(prefix) the same patterns for every prefix, so that many issuers do not race for the bucket's policy.
    type: list
    elements: str
  bucket_encryption:
    description:
      - As O(selfhosted.irsa.irsa_bucket#module:encryption).
    type: str
  bucket_versioning:
    description:
      - As O(selfhosted.irsa.irsa_bucket#module:versioning).
    type: bool
  bucket_namespace:
    description:
      - As O(selfhosted.irsa.irsa_bucket#module:namespace).
    type: str
    choices: [global, account-regional]
  tags:
    description:
      - Tags on bucket and provider. Others that are there stay.
    type: dict
    aliases: [resource_tags]
  extra_jwks:
    description:
      - Further public keys to publish, as a list of JWKS.
    type: list
    elements: dict
    default: []
  legacy_empty_kid:
    description:
      - As O(selfhosted.irsa.irsa_jwks#module:legacy_empty_kid).
    type: bool
    default: false
  purge_keys:
    description:
      - As O(selfhosted.irsa.irsa_publish#module:purge_keys).
    type: bool
    default: false
  overwrite:
    description:
      - As O(selfhosted.irsa.irsa_publish#module:overwrite).
    type: bool
    default: false
  cache_control:
    description:
      - As O(selfhosted.irsa.irsa_publish#module:cache_control).
    type: str
    default: no-cache
  audiences:
    description:
      - Client IDs of the provider; what tokens have in C(aud).
    type: list
    elements: str
    default: [sts.amazonaws.com]
  thumbprints:
    description:
      - As O(selfhosted.irsa.irsa_oidc_provider#module:thumbprints).
    type: list
    elements: str
  verify:
    description:
      - Whether the documents are fetched at the end as a stranger would. An issuer that does not work ends the run with
        a message.
      - In check mode this is left out while there is something to change.
    type: bool
    default: true
  delete_bucket:
    description:
      - With O(state=absent), whether the bucket is deleted with the documents in it. A bucket with any other object is
        refused.
    type: bool
    default: false
  ignore_role_trust:
    description:
      - With O(state=absent), whether the provider is removed although IAM roles trust it.
    type: bool
    default: false
  state:
    description:
      - V(absent) removes the provider, then the documents or the bucket. The key is left alone.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - selfhosted.irsa._aws_options.route
  - selfhosted.irsa._attributes
  - selfhosted.irsa._attributes.aws
requirements:
  - cryptography >= 3.4
  - jwcrypto >= 1.5
seealso:
  - module: selfhosted.irsa.irsa_keypair
  - module: selfhosted.irsa.irsa_verify
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Give a cluster whose key is here an issuer
  selfhosted.irsa.irsa_issuer:
    key_path: /srv/irsa/prod/sa-signer.key
    public_key_path: /srv/irsa/prod/sa-signer-pkcs8.pub
    bucket: irsa-prod
    region: eu-west-1
  delegate_to: localhost
  register: made

- name: Look at the key of a control-plane node
  selfhosted.irsa.irsa_keypair:
    path: /etc/kubernetes/pki/sa.key
    create: false
  register: keypair

- name: Give it an issuer
  selfhosted.irsa.irsa_issuer:
    key: "{{ keypair }}"
    bucket: irsa-prod
    region: eu-west-1
  delegate_to: localhost
  register: made
"""

RETURN = r"""
issuer:
  description:
    - The issuer, summed up, as role P(selfhosted.irsa.irsa_issuer#role) leaves it in C(irsa_issuer_result). Null while
      there is no key.
  returned: always
  type: dict
  sample:
    issuer: https://irsa-prod.s3.eu-west-1.amazonaws.com
    provider_arn: arn:aws:iam::123456789012:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com
    kid: ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng
    changed: false
key_wanted:
  description: Whether a key has to be looked at or made now, and the module called again with it.
  returned: always
  type: bool
  sample: false
key_is_lost:
  description: Why a new key must not be made, with O(key) still missing; else null.
  returned: always
  type: str
  sample: null
prepared:
  description: What the next call, with the key, goes on from; null where there is nothing to go on with.
  returned: always
  type: dict
  sample: null
actions:
  description: Files written and API calls that write, in the order made; in check mode those that would be made.
  returned: always
  type: list
  elements: str
  sample: ["s3:CreateBucket", "s3:PutPublicAccessBlock", "s3:PutBucketPolicy"]
permissions:
  description: IAM actions that the run needs, those of reading included.
  returned: always
  type: list
  elements: str
  sample: ["iam:GetOpenIDConnectProvider", "s3:GetBucketPolicy", "s3:GetObject", "s3:ListBucket"]
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import issuer_absent, issuer_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, keypair_task, masking, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.aws_module import (
    aws_module,
    aws_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude, require
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import DEFAULT_CACHE_CONTROL

# The result where a task of its own must look at the key first.
KEY_APART: dict[str, t.Any] = {
    "issuer": None,
    "key_wanted": True,
    "key_is_lost": None,
    "prepared": None,
    "actions": [],
    "permissions": [],
    "diff": [],
}


class IssuerModule(MaskedModule):
    public_key_options = ("extra_jwks",)

    def _mask(self) -> None:
        super()._mask()
        key = self.params.get("key")
        public_key = key.get("public_key") if isinstance(key, dict) else key
        self.no_log_values.update(masking.in_option(public_key or ""))


ARGUMENT_SPEC = dict(
    key_path=dict(type="path", no_log=False),
    public_key_path=dict(type="path"),
    openssh_public_key_path=dict(type="path"),
    key_type=dict(type="str", choices=["RSA", "ECDSA"]),
    key_size=dict(type="int", choices=[2048, 3072, 4096]),
    key_curve=dict(type="str", choices=["P-256", "P-384", "P-521"], no_log=False),
    key_regenerate=dict(type="str", default="fail", choices=["never", "fail"]),
    key_owner=dict(type="str", no_log=False),
    key_group=dict(type="str", no_log=False),
    key_mode=dict(type="raw", no_log=False),
    key=dict(type="dict", no_log=False),
    prepared=dict(type="dict"),
    bucket=dict(type="str"),
    manage_bucket=dict(type="bool", default=True),
    prefix=dict(type="str"),
    url=dict(type="str"),
    account_id=dict(type="str"),
    bucket_account_id=dict(type="str"),
    bucket_public_paths=dict(type="list", elements="str"),
    bucket_encryption=dict(type="str"),
    bucket_versioning=dict(type="bool"),
    bucket_namespace=dict(type="str", choices=["global", "account-regional"]),
    tags=dict(type="dict", aliases=["resource_tags"]),
    extra_jwks=dict(type="list", elements="dict", default=[]),
    legacy_empty_kid=dict(type="bool", default=False),
    purge_keys=dict(type="bool", default=False, no_log=False),
    overwrite=dict(type="bool", default=False),
    cache_control=dict(type="str", default=DEFAULT_CACHE_CONTROL),
    audiences=dict(type="list", elements="str", default=[DEFAULT_AUDIENCE]),
    thumbprints=dict(type="list", elements="str"),
    connect_to=dict(type="str"),
    ca_path=dict(type="path"),
    verify=dict(type="bool", default=True),
    delete_bucket=dict(type="bool", default=False),
    ignore_role_trust=dict(type="bool", default=False),
    state=dict(type="str", default="present", choices=["present", "absent"]),
)


def main() -> None:
    module = aws_module(ARGUMENT_SPEC, IssuerModule)
    require(module, "cryptography", signing_key.CRYPTOGRAPHY_IMPORT_ERROR)
    require(module, "jwcrypto", jwk.JWCRYPTO_IMPORT_ERROR)
    module.require_botocore_at_least("1.35.70", reason="for conditional writes to S3")
    if not module.params["bucket"] and not module.params["url"]:
        module.fail_json(msg="one of the following is required: bucket, url")
    conclude(module, lambda: _run(module))


def _run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    options = module.params
    spec = IssuerSpec.of(options)
    if options["state"] == "absent":
        return issuer_absent.ensure_absent(aws_of(module), spec, module.check_mode).result
    if options["key"]:
        return issuer_present.ensure_present(aws_of(module), spec, module.check_mode).result
    if not options["key_path"]:
        return {"changed": False, **KEY_APART}
    return issuer_present.ensure_with_key(
        aws_of(module), spec, module.check_mode, key_result=lambda create: _key_result(module, create)
    )


def _key_result(module: AnsibleAWSModule, create: bool) -> dict[str, t.Any]:
    """Look at the key, or with ``create`` create it where there is none; returns the result of irsa_keypair."""
    names = ("type", "size", "curve", "regenerate", "owner", "group", "mode")
    options = {
        **{name: module.params[f"key_{name}"] for name in names},
        "path": module.params["key_path"],
        "public_key_path": module.params["public_key_path"],
        "openssh_public_key_path": module.params["openssh_public_key_path"],
        "format": "auto",
        "backup": False,
        "state": "present",
        "create": create,
    }
    return keypair_task.run(module, options)


if __name__ == "__main__":
    main()
