#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_issuer
short_description: Manage the key, bucket, documents and IAM OIDC provider of an issuer
version_added: 0.1.0
description:
  - Combines M(selfhosted.irsa.irsa_bucket), M(selfhosted.irsa.irsa_jwks), M(selfhosted.irsa.irsa_publish),
    M(selfhosted.irsa.irsa_oidc_provider) and M(selfhosted.irsa.irsa_verify) in one task, with the same rules.
  - Reads everything in parallel and plans all changes before it writes, so a problem with one resource stops the run
    before another resource is changed.
  - If the key is on the controller, the module also manages the key. Otherwise pass it the result that
    M(selfhosted.irsa.irsa_keypair) returned on the key's host. Role P(selfhosted.irsa.irsa_issuer#role) does both.
options:
  key_path:
    description:
      - Path of the private key on the controller. The module then also manages the key, as
        M(selfhosted.irsa.irsa_keypair) does.
      - This requires that the module runs in the controller's process as the user who runs ansible-playbook. Otherwise
        (with C(become), another interpreter, or C(irsa_direct=false)) the module does nothing and returns
        RV(key_wanted=true), which means that it needs O(key).
    type: path
  public_key_path:
    description:
      - Path of the public key in PKIX PEM format, for a key at O(key_path). If omitted, it is not written.
      - A file that contains the public key is left as it is, even if it also contains other keys. A file with anything
        but a single key in the form that the module writes, such as a certificate, stops the run.
    type: path
  openssh_public_key_path:
    description:
      - Path of the public key as an OpenSSH line, for a key at O(key_path). If omitted, it is not written.
    type: path
  key_type:
    description:
      - Type of the key at O(key_path). If omitted, any usable key is adopted, and a new key is V(RSA).
    type: str
    choices: [RSA, ECDSA]
  key_size:
    description:
      - Size of an RSA key at O(key_path) in bits. If omitted, any size from 2048 bits is adopted, and a new key has
        2048 bits.
    type: int
    choices: [2048, 3072, 4096]
  key_curve:
    description:
      - Curve of an ECDSA key at O(key_path); requires O(key_type=ECDSA). If omitted, a key on any supported curve is
        adopted, and a new key uses P-256.
    type: str
    choices: [P-256, P-384, P-521]
  key_regenerate:
    description:
      - What to do with an existing key that does not match O(key_type), O(key_size) or O(key_curve). V(never) keeps it
        with a warning, V(fail) stops the run.
    type: str
    choices: [never, fail]
    default: fail
  key_owner:
    description:
      - Owner of the key files. An existing key that belongs to this user is trusted.
    type: str
  key_group:
    description:
      - Group of the key files.
    type: str
  key_mode:
    description:
      - Mode of the private key file, in quotes. Defaults to V(0600) for a new file.
    type: raw
  key:
    description:
      - Result of M(selfhosted.irsa.irsa_keypair). With O(state=present), one of this, O(key_path), O(from_cluster) and
        O(extra_jwks) is required.
      - If the key does not exist (RV(selfhosted.irsa.irsa_keypair#module:exists) is false), the module only creates or
        repairs the bucket, and RV(key_wanted) is true. Then create the key, unless RV(key_is_lost) forbids it, and call
        this module again with O(key) and O(prepared).
    type: dict
  prepared:
    description:
      - RV(prepared) of the previous call, which ran before the key existed.
    type: dict
  bucket:
    description:
      - Name of the bucket. If omitted, the module only registers O(url), whose documents you must serve by other means.
    type: str
  manage_bucket:
    description:
      - Whether to create and repair the bucket. With V(false), the module only publishes the documents into it.
    type: bool
    default: true
  prefix:
    description:
      - Path of the documents in the bucket. Lets one bucket serve many issuers.
    type: str
  url:
    description:
      - Issuer URL, byte for byte as in the C(iss) claim of tokens. Defaults to the bucket's own host and O(prefix).
    type: str
  account_id:
    description:
      - ID of the account that owns the provider, and the bucket unless O(bucket_account_id) is given. If omitted, the
        account of the credentials is looked up with one API call.
    type: str
  bucket_account_id:
    description:
      - ID of the account that owns the bucket, if it is not the provider's account.
    type: str
  bucket_public_paths:
    description:
      - Keys of the objects that the bucket policy opens. In the folders of a key, V(*) matches any text, slashes
        included, and V(?) any character. The name of the object must be given.
      - Defaults to the two documents or, with O(prefix), to patterns that cover every prefix, so that many issuers do
        not compete for the bucket's policy.
    type: list
    elements: str
  bucket_open_existing:
    description:
      - Whether to go on, with a warning, if the run would also make other things in the bucket public. These are other
        public statements of its policy, and objects that match a pattern in O(bucket_public_paths). Otherwise they stop
        the run before it changes anything, with a list of them.
    type: bool
    default: false
  bucket_encryption:
    description:
      - Default encryption of the bucket. Only V(AES256) is accepted, since AWS STS cannot read objects that a KMS key
        encrypts. If omitted, it is not managed.
    type: str
  bucket_versioning:
    description:
      - Whether the bucket keeps old versions of objects. If omitted, versioning is not managed.
    type: bool
  bucket_namespace:
    description:
      - V(account-regional) creates the bucket in the account's own namespace, so no other account can take its name
        after it is deleted. The name must then have the form C(<prefix>-<account ID>-<region>-an). Requires botocore
        1.42.70.
    type: str
    choices: [global, account-regional]
  tags:
    description:
      - Tags of the bucket and the provider. Other existing tags are kept.
    type: dict
    aliases: [resource_tags]
  extra_jwks:
    description:
      - Further public keys to publish, as a JWKS or a list of JWKS. Each is an object or its JSON text, such as what
        C(kubectl get --raw /openid/v1/jwks) prints; a single JWK counts as a JWKS.
      - Keys for another purpose, such as the encryption key of an identity provider, are left out with a warning, if
        there are others.
      - Without O(key) and O(key_path), these are all keys of the issuer, besides those of O(from_cluster).
    type: raw
    default: []
  from_cluster:
    description:
      - Whether to publish the public keys that the API servers of O(kubeconfig) serve at C(/openid/v1/jwks). No private
        key is read. Each API server is asked at its own address, and the keys of all of them are published. The module
        warns of those that do not answer; one must. With O(purge_keys), all must.
      - This also works with an external signer and with a managed control plane. The user of the kubeconfig needs the
        ClusterRole C(system:service-account-issuer-discovery) and the verb C(get) on the Endpoints C(kubernetes) in
        namespace C(default).
      - A published key that the cluster no longer serves stays, as a foreign key, unless O(purge_keys) is set.
    type: bool
    default: false
  kubeconfig:
    description:
      - Path of a kubeconfig file, for O(from_cluster).
    type: path
  kube_context:
    description:
      - Context of O(kubeconfig) to use. Requires O(kubeconfig). Defaults to its current context.
    type: str
  legacy_empty_kid:
    description:
      - Whether to publish the key a second time with an empty C(kid), for Kubernetes before 1.16, whose tokens have
        none.
    type: bool
    default: false
  purge_keys:
    description:
      - Whether to remove published keys that were not passed to the module. AWS STS then refuses tokens signed with
        them. Otherwise they are kept, with a warning; a different key under a published C(kid) stops the run.
    type: bool
    default: false
  overwrite:
    description:
      - Whether to overwrite published documents that belong to another issuer or are not JSON, and to go on if the
        present JWKS is at a URL outside the bucket. With O(state=absent), whether to remove a JWKS that may not be the
        issuer's.
    type: bool
    default: false
  cache_control:
    description:
      - Cache-Control header of both documents.
    type: str
    default: no-cache
  audiences:
    description:
      - Audiences (client IDs) that the provider must accept. Other audiences are kept unless O(purge_client_ids) is
        set.
    type: list
    elements: str
    default: [sts.amazonaws.com]
  purge_client_ids:
    description:
      - Whether to remove audiences of the provider that are not in O(audiences), with a warning that names them.
        Another team or tool may have added them.
    type: bool
    default: false
    aliases: [purge_audiences]
  thumbprints:
    description:
      - Thumbprints of the provider, each the SHA-1 hash of a CA certificate in 40 hexadecimal digits. They replace
        those that it has.
      - If omitted, AWS validates the issuer's certificate with its own library of CAs, which covers S3 and every public
        CA, and existing thumbprints are kept.
      - The single value V(auto) computes the thumbprint from the certificate chain that the issuer's host presents.
    type: list
    elements: str
  verify:
    description:
      - Whether to fetch the documents anonymously at the end of the run. The module fails if the issuer does not work.
      - In check mode this happens only if nothing would change.
      - Without O(bucket), the documents are always fetched first. If the issuer does not work, the module warns what to
        serve, and does not create a provider.
    type: bool
    default: true
  verify_timeout:
    description:
      - Seconds within which each document must arrive, from name resolution to the last byte. AWS waits 5 seconds.
        Allow more if this controller reaches the issuer through a slow proxy.
      - This also applies to the certificate chain that V(auto) in O(thumbprints) needs.
    type: float
    default: 5
  apiserver_key_dir:
    description:
      - Folder in which the API servers have the key files, as they see it. The flags in RV(issuer) name the files in
        this folder.
      - Defaults to C(/etc/kubernetes/pki) for a key at O(key_path), since an API server never sees the files of the
        controller. If O(key_path) is below a folder of Kubernetes, such as C(/etc/kubernetes) or C(/var/lib/rancher),
        or with O(key), the flags name the files where they are.
    type: str
  former_issuers:
    description:
      - Issuers that the API servers of a running cluster accept today. The flags name them after the new one, so that
        tokens of the former issuers stay valid.
    type: list
    elements: str
    default: []
  former_public_keys:
    description:
      - Paths, as the API servers see them, of the public keys with which they verify tokens today. The flags name them
        after the key of the issuer. Needed only if the cluster signs with another key today.
    type: list
    elements: str
    default: []
  documents_path:
    description:
      - Directory on the controller to write the documents into, as C(keys.json) and
        C(.well-known/openid-configuration), for an issuer without O(bucket). What serves the issuer must serve the
        files of this directory under O(url).
      - As with O(selfhosted.irsa.irsa_jwks#module:dest), documents of another issuer and published keys that were not
        given stop the run, unless O(overwrite) or O(purge_keys) is set, and nothing else in the directory is touched.
    type: path
  result_path:
    description:
      - File on the controller to write the issuer's summary into, as JSON, for programs such as Terraform. It has the
        values of RV(issuer) but for what is about the run itself, and nothing that is secret.
      - The file is written when everything else is, before the verification, so that it is there even if that fails.
      - It is replaced in one step, and only if something in it differs. Its directory must exist. A file that holds
        something other than such a summary is not replaced.
    type: path
  delete_bucket:
    description:
      - With O(state=absent), whether to delete the bucket with the documents in it. A bucket that contains any other
        object is not deleted.
    type: bool
    default: false
  ignore_role_trust:
    description:
      - With O(state=absent), whether to remove a provider that IAM roles still trust.
    type: bool
    default: false
  state:
    description:
      - V(absent) removes the provider, then the documents or the bucket. The key is kept.
      - A JWKS whose discovery document is gone is removed only if it has a key of O(key), O(key_path) or O(extra_jwks),
        or with O(overwrite=true). Otherwise it is kept, with a warning.
    type: str
    choices: [present, absent]
    default: present
  variable_prefix:
    description:
      - Beginning of the names of the variables from which a role or playbook sets the options of this module. Messages
        then name these variables. For example, with V(irsa_issuer_), they say C(irsa_issuer_bucket) and not O(bucket).
    type: str
    default: ''
extends_documentation_fragment:
  - selfhosted.irsa._aws
  - selfhosted.irsa._route
  - selfhosted.irsa._attributes
  - selfhosted.irsa._attributes.aws
requirements:
  - cryptography >= 3.4
  - jwcrypto >= 1.5
  - kubernetes, for O(from_cluster)
seealso:
  - module: selfhosted.irsa.irsa_keypair
  - module: selfhosted.irsa.irsa_verify
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Ensure an issuer for a cluster whose key is on the controller
  selfhosted.irsa.irsa_issuer:
    key_path: /srv/irsa/prod/sa-signer.key
    public_key_path: /srv/irsa/prod/sa-signer-pkcs8.pub
    bucket: irsa-prod
    region: eu-west-1
  delegate_to: localhost
  register: cluster_issuer

- name: Ensure an issuer that publishes the keys of a running cluster
  selfhosted.irsa.irsa_issuer:
    from_cluster: true
    kubeconfig: ~/.kube/config
    bucket: irsa-prod
    region: eu-west-1
  delegate_to: localhost

- name: Read the key of a control-plane node
  selfhosted.irsa.irsa_keypair:
    path: /etc/kubernetes/pki/sa.key
    create: false
  register: keypair

- name: Ensure an issuer for this key
  selfhosted.irsa.irsa_issuer:
    key: "{{ keypair }}"
    bucket: irsa-prod
    region: eu-west-1
  delegate_to: localhost
  register: cluster_issuer
"""

RETURN = r"""
issuer:
  description:
    - Summary of the issuer, which role P(selfhosted.irsa.irsa_issuer#role) also sets as C(irsa_issuer_result). Null
      while the key does not exist.
    - With O(state=absent), C(kept) lists what stays of the bucket.
  returned: always
  type: dict
  sample:
    issuer: https://irsa-prod.s3.eu-west-1.amazonaws.com
    issuer_host: irsa-prod.s3.eu-west-1.amazonaws.com
    provider_arn: arn:aws:iam::123456789012:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com
    kid: ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng
    apiserver_flags:
      - --service-account-issuer=https://irsa-prod.s3.eu-west-1.amazonaws.com
      - --service-account-key-file=/etc/kubernetes/pki/sa-signer-pkcs8.pub
      - --service-account-signing-key-file=/etc/kubernetes/pki/sa-signer.key
      - --service-account-jwks-uri=https://irsa-prod.s3.eu-west-1.amazonaws.com/keys.json
    apiserver_args:
      service-account-issuer: [https://irsa-prod.s3.eu-west-1.amazonaws.com]
      service-account-key-file: [/etc/kubernetes/pki/sa-signer-pkcs8.pub]
      service-account-signing-key-file: [/etc/kubernetes/pki/sa-signer.key]
      service-account-jwks-uri: [https://irsa-prod.s3.eu-west-1.amazonaws.com/keys.json]
    kubeadm_extra_args:
      - name: service-account-issuer
        value: https://irsa-prod.s3.eu-west-1.amazonaws.com
      - name: service-account-key-file
        value: /etc/kubernetes/pki/sa-signer-pkcs8.pub
      - name: service-account-signing-key-file
        value: /etc/kubernetes/pki/sa-signer.key
      - name: service-account-jwks-uri
        value: https://irsa-prod.s3.eu-west-1.amazonaws.com/keys.json
    k3s_args:
      - service-account-issuer=https://irsa-prod.s3.eu-west-1.amazonaws.com
      - service-account-key-file=/etc/kubernetes/pki/sa-signer-pkcs8.pub
      - service-account-signing-key-file=/etc/kubernetes/pki/sa-signer.key
      - service-account-jwks-uri=https://irsa-prod.s3.eu-west-1.amazonaws.com/keys.json
    apiserver_key_files:
      - src: /srv/irsa/prod/sa-signer.key
        dest: /etc/kubernetes/pki/sa-signer.key
        mode: "0600"
      - src: /srv/irsa/prod/sa-signer-pkcs8.pub
        dest: /etc/kubernetes/pki/sa-signer-pkcs8.pub
        mode: "0644"
    changed: false
key_wanted:
  description: Whether the key must now be read or created, and the module called again with O(key).
  returned: always
  type: bool
  sample: false
key_is_lost:
  description: Why a new key must not be created although the key is missing; null if it may be.
  returned: always
  type: str
  sample: null
prepared:
  description: Value of O(prepared) for the next call, which has the key; null if there is nothing to continue.
  returned: always
  type: dict
  sample: null
actions:
  description: Files written and API calls that write, in order; in check mode, those that a run would make.
  returned: always
  type: list
  elements: str
  sample: ["s3:CreateBucket", "s3:PutPublicAccessBlock", "s3:PutBucketPolicy"]
permissions:
  description: IAM actions that the run needs, including those for reading.
  returned: always
  type: list
  elements: str
  sample: ["iam:GetOpenIDConnectProvider", "s3:GetBucketPolicy", "s3:GetObject", "s3:ListBucket"]
"""

import dataclasses
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import option_names
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import issuer_absent, issuer_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec, SigningKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, keypair_task, masking, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.aws_module import (
    aws_module,
    aws_of,
    boto3_library,
    require_conditional_writes,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude, require, warn
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import DEFAULT_CACHE_CONTROL

# What says which keys are published; one is required.
_KEYS = ("key", "key_path", "from_cluster", "extra_jwks")

_API_SERVER_SECONDS = 30

# The result if another task must look at the key first.
KEY_WANTED_RESULT: dict[str, t.Any] = {
    "issuer": None,
    "key_wanted": True,
    "key_is_lost": None,
    "prepared": None,
    "actions": [],
    "permissions": [],
    "diff": [],
}


class IssuerModule(MaskedModule):
    """Masks everything that is not public in these options, and in ``public_key`` of option key."""

    public_key_options = ("extra_jwks",)

    def private_texts(self) -> set[str]:
        key = self.params.get("key")
        public_key = key.get("public_key") if isinstance(key, dict) else key
        public_keys = key.get("public_keys") if isinstance(key, dict) else None
        return super().private_texts() | masking.in_public_key_option([public_key or "", public_keys or []])


ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = dict(
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
    bucket_open_existing=dict(type="bool", default=False),
    bucket_encryption=dict(type="str"),
    bucket_versioning=dict(type="bool"),
    bucket_namespace=dict(type="str", choices=["global", "account-regional"]),
    tags=dict(type="dict", aliases=["resource_tags"]),
    extra_jwks=dict(type="raw", default=[]),
    from_cluster=dict(type="bool", default=False),
    kubeconfig=dict(type="path"),
    kube_context=dict(type="str"),
    legacy_empty_kid=dict(type="bool", default=False),
    purge_keys=dict(type="bool", default=False, no_log=False),
    overwrite=dict(type="bool", default=False),
    cache_control=dict(type="str", default=DEFAULT_CACHE_CONTROL),
    audiences=dict(type="list", elements="str", default=[DEFAULT_AUDIENCE]),
    purge_client_ids=dict(type="bool", default=False, aliases=["purge_audiences"]),
    thumbprints=dict(type="list", elements="str"),
    connect_to=dict(type="str"),
    ca_path=dict(type="path"),
    verify=dict(type="bool", default=True),
    verify_timeout=dict(type="float", default=5),
    apiserver_key_dir=dict(type="str", no_log=False),
    former_issuers=dict(type="list", elements="str", default=[]),
    former_public_keys=dict(type="list", elements="str", default=[], no_log=False),
    documents_path=dict(type="path"),
    result_path=dict(type="path"),
    delete_bucket=dict(type="bool", default=False),
    ignore_role_trust=dict(type="bool", default=False),
    state=dict(type="str", default="present", choices=["present", "absent"]),
)


def main() -> None:
    module = aws_module(
        {**ARGUMENT_SPEC, **option_names.SPEC},
        IssuerModule,
        needs_boto3=False,
        required_by={"kube_context": "kubeconfig"},
    )
    option_names.begin_with(module.params[option_names.OPTION])
    _require_libraries(module)
    require_conditional_writes(module)
    if not module.params["bucket"] and not module.params["url"]:
        module.fail_json(msg="one of the following is required: bucket, url")
    if module.params["state"] == "present" and not any(module.params[name] for name in _KEYS):
        module.fail_json(msg=f"one of the following is required: {', '.join(_KEYS)}")
    if module.params["state"] == "present" and module.params["from_cluster"] and not module.params["kubeconfig"]:
        module.fail_json(msg="from_cluster requires kubeconfig")
    conclude(module, lambda: _run(module))


def _require_libraries(module: AnsibleAWSModule) -> None:
    libraries = {
        **boto3_library(),
        signing_key.CRYPTOGRAPHY_REQUIREMENT: signing_key.CRYPTOGRAPHY_IMPORT_ERROR,
        jwk.JWCRYPTO_REQUIREMENT: jwk.JWCRYPTO_IMPORT_ERROR,
    }
    if module.params["from_cluster"] and module.params["state"] == "present":
        # It takes longer to import than everything else.
        from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server  # noqa: PLC0415

        libraries[api_server.KUBERNETES_REQUIREMENT] = api_server.KUBERNETES_IMPORT_ERROR
    require(module, libraries)


def _run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    options = module.params
    spec = IssuerSpec.of(options)
    if options["state"] == "absent":
        if not spec.key.exists:
            spec = dataclasses.replace(spec, key=SigningKey.at(options["key_path"], options["public_key_path"]))
        return issuer_absent.ensure_absent(aws_of(module), spec, module.check_mode).result
    if options["from_cluster"]:
        spec = dataclasses.replace(spec, cluster_jwks=_jwks_of_cluster(module))
    if options["key"] or spec.keyless:
        return issuer_present.ensure_present(aws_of(module), spec, module.check_mode).result
    return issuer_present.ensure_with_key(
        aws_of(module), spec, module.check_mode, key_result=lambda create: _key_result(module, create)
    )


def _jwks_of_cluster(module: AnsibleAWSModule) -> dict[str, t.Any]:
    """Return the keys that the API servers serve, and warn of those that do not answer. Raises IrsaError."""
    # The kubernetes library takes longer to import than everything else.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import (  # noqa: PLC0415
        api_server,
        key_sets,
    )

    options = module.params
    found = key_sets.of_cluster(
        api_server.ApiServer(options["kubeconfig"], _API_SERVER_SECONDS, options["kube_context"])
    )
    if found.warning and options["purge_keys"]:
        raise IrsaError(
            f"{found.warning} purge_keys (irsa_issuer_purge_keys) would remove them from the published keys, and AWS "
            "would refuse tokens that these servers sign. Nothing was changed. Run this from where all API servers "
            "answer, or without purge_keys. If their own addresses can never be reached, give the whole JWKS of the "
            "cluster in extra_jwks (irsa_issuer_extra_jwks) instead of setting from_cluster (irsa_issuer_from_cluster)."
        )
    if found.warning:
        warn(module, found.warning)
    return found.jwks


def _key_result(module: AnsibleAWSModule, create: bool) -> dict[str, t.Any]:
    """Read the key, or with ``create`` create it if it is missing. Return the result of irsa_keypair."""
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
