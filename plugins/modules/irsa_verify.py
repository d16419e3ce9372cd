#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_verify
short_description: Verify that a service account issuer works
version_added: 0.1.0
description:
  - Fetches an issuer's documents anonymously, as AWS STS does, and checks everything that STS requires of them. Reports
    the likely cause and the remedy of each fault.
  - Can also check the cluster's API server, the IAM OIDC provider, a token and a role, and ask STS itself.
  - Only reads. Works with any issuer, including one that this collection did not create.
  - Playbook C(selfhosted.irsa.verify) takes each of these options, and O(region), from a variable with C(irsa_verify_)
    in front, such as C(irsa_verify_issuer). C(irsa_verify_report_path) is the file of a report, whose name ends in
    C(.md), C(.json) or C(.xml) (JUnit).
options:
  issuer:
    description:
      - Issuer URL, byte for byte as in the C(iss) claim of tokens.
      - The verification ends with this option if it is the address of a document, or if AWS can never reach the host,
        which is internal by the form of its name or address.
    type: str
    required: true
  documents:
    description:
      - V(auto) fetches the documents; V(skip) does not, for a controller that cannot reach the issuer. Everything that
        does not need them is still checked, and STS can be asked.
    type: str
    choices: [auto, skip]
    default: auto
  expected_kids:
    description:
      - Key IDs that must be published.
    type: list
    elements: str
    default: []
  expected_jwks:
    description:
      - A JWKS whose keys must be published, each under its key ID and with the same key parameters; or a list of JWKS.
        Each is an object or its JSON text; a single JWK counts as a JWKS.
    type: raw
  expected_public_keys:
    description:
      - Public keys in PEM that must be published under the key IDs that C(kube-apiserver) gives them. A text may have
        several.
    type: list
    elements: str
    default: []
  cluster_jwks:
    description:
      - The JWKS that the API server serves at C(/openid/v1/jwks), if you have fetched it already, as an object or as
        its JSON text. Each of its keys must be published.
    type: raw
  cluster_issuer:
    description:
      - The issuer that the API server names at C(/.well-known/openid-configuration).
    type: str
  kubeconfig:
    description:
      - Path of a kubeconfig file. Its API server is asked for its issuer and its keys. Mutually exclusive with
        O(cluster_issuer) and O(cluster_jwks).
      - The cluster is also asked which issuer each of its API servers signs for, whether they agree, what injects
        credentials into pods, and which running pods lack them. Nothing is stored in it. A pod is created in a dry run
        only, and tokens are made to be reviewed by the API servers.
      - Service accounts with a role are those with the annotation C(eks.amazonaws.com/role-arn). With another
        C(irsa_injection_annotation_prefix), the checks of accounts and pods find none.
      - For everything, the user needs the RBAC verb C(get) on the endpoints C(kubernetes) in namespace C(default), on
        the policies C(irsa-inject) and C(irsa-label) (C(mutatingadmissionpolicies)), and on the non-resource URLs
        C(/flagz), C(/openid/v1/jwks) and C(/.well-known/openid-configuration); C(list) on C(serviceaccounts), C(pods),
        C(secrets), C(mutatingadmissionpolicybindings) and C(mutatingwebhookconfigurations); and C(create) on C(pods),
        C(serviceaccounts/token) and C(tokenreviews). A check whose right is missing is skipped and names it. Without
        C(list) on C(secrets), only C(legacy-tokens) is.
      - Where an EKS pod identity webhook injects, C(get) on C(services), C(services/proxy), the non-resource URL
        C(/metrics) and the Secret with its certificate, and C(list) on C(endpointslices) and C(deployments) tell more
        about it. Of the Secret, only the certificate is looked at.
    type: path
  kube_context:
    description:
      - Context of O(kubeconfig) to use. Requires O(kubeconfig). Defaults to its current context.
    type: str
  provider:
    description:
      - V(auto) checks the IAM OIDC provider if there are AWS credentials; V(skip) does not.
    type: str
    choices: [auto, skip]
    default: auto
  account_id:
    description:
      - ID of the account that owns the provider. Defaults to the account of O(role_arn) or, without a role, of the
        credentials.
    type: str
  bucket_account_id:
    description:
      - ID of the account that owns the issuer's bucket. Defaults to the account of the credentials. If the bucket
        refuses access, AWS is asked for the reason only if the bucket belongs to this account.
    type: str
  audiences:
    description:
      - Audiences that the provider must accept; the audience of the token must be one of them. By default the provider
        must accept V(sts.amazonaws.com) or the audience of the token.
    type: list
    elements: str
    default: []
  token:
    description:
      - A service account token to check. It does not appear in any output.
    type: str
  token_path:
    description:
      - Path of a file on the controller that contains the token. Mutually exclusive with O(token).
    type: path
  service_account:
    description:
      - Service account, as C(namespace/name), for which the API server of O(kubeconfig) makes the token to check, for
        the first of O(audiences), or V(sts.amazonaws.com) without any. The token is valid for ten minutes and does not
        appear in any output.
      - Requires O(kubeconfig), whose user needs the RBAC verb C(create) on C(serviceaccounts/token). Mutually exclusive
        with O(token) and O(token_path).
    type: str
  role_arn:
    description:
      - ARN of the role that the token is for. Its trust policy is read if there are AWS credentials.
    type: str
  assume_role:
    description:
      - Whether to ask AWS STS for credentials of the role with the token. They are discarded.
      - If STS accepts the token, findings about what it has decided are warnings. If it refuses, the finding that its
        answer names comes first.
    type: bool
    default: false
  timeout:
    description:
      - Seconds within which each document must arrive, from name resolution to the last byte. AWS waits 5 seconds.
    type: float
    default: 5
  patience:
    description:
      - Seconds to keep trying while the documents cannot be fetched or are older ones, for an issuer that was
        published a moment ago. Other faults end the attempts at once.
    type: float
    default: 0
  fail_on:
    description:
      - The lowest severity of a finding for which the module fails. With V(never), it does not fail because of
        findings.
    type: str
    choices: [error, warning, never]
    default: error
  variable_prefix:
    description:
      - Beginning of the names of the variables from which a role or playbook sets the options of this module. Messages
        then name these variables. For example, with V(irsa_verify_), they say C(irsa_verify_issuer) and not O(issuer).
    type: str
    default: ''
extends_documentation_fragment:
  - selfhosted.irsa._aws
  - selfhosted.irsa._route
  - selfhosted.irsa._attributes.read_only
  - selfhosted.irsa._attributes.aws
requirements:
  - cryptography >= 3.4
  - jwcrypto >= 1.5
  - kubernetes, for O(kubeconfig)
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Verify that AWS would accept this issuer
  selfhosted.irsa.irsa_verify:
    issuer: https://irsa-prod.s3.eu-west-1.amazonaws.com
    expected_kids:
      - "{{ keypair.kid }}"

- name: Find out why a pod gets no credentials
  selfhosted.irsa.irsa_verify:
    issuer: https://irsa-prod.s3.eu-west-1.amazonaws.com
    kubeconfig: ~/.kube/config
    service_account: default/app
    role_arn: arn:aws:iam::111122223333:role/app
    assume_role: true
"""

RETURN = r"""
issuer:
  description: The issuer that was verified.
  returned: always
  type: str
  sample: https://irsa-prod.s3.eu-west-1.amazonaws.com
verdict:
  description: V(ok), V(degraded) if there are warnings, V(broken) if there are errors.
  returned: always
  type: str
  sample: ok
diagnosis:
  description: The first true cause in one paragraph, or null if all is well.
  returned: always
  type: str
  sample: null
checks:
  description:
    - The checks, in the order in which they were made. Only the finding that STS itself has named comes before all
      other errors.
    - The same fault of both documents is one check.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: Stable ID of what is checked.
      type: str
    status:
      description: V(ok), V(warning), V(error) or V(skipped).
      type: str
    seen:
      description: What was seen.
      type: str
    cause:
      description: The likely cause, or null.
      type: str
    remedy:
      description: What to do, or null. Commands, variables and JSON to copy are between backticks.
      type: str
    because:
      description: ID of the finding that explains this one and has its cause and remedy, or null.
      type: str
    certain:
      description: V(false) for a warning about what cannot be judged from here.
      type: bool
    link:
      description: Where the check is explained, as a path in the collection.
      type: str
    data:
      description:
        - What was found, in full.
        - The C(pods) of C(pods-without-credentials) are a list of dictionaries with C(namespace), C(name),
          C(service_account), C(role_arn), C(owner_kind), C(owner_name), C(containers), C(created), C(is_older) (whether
          the pod is older than the annotation of its service account; null if unknown) and C(restart) (a command).
      returned: where C(seen) names only a part
      type: dict
  sample:
    - id: discovery-issuer
      status: ok
      seen: The discovery document names the issuer https://irsa-prod.s3.eu-west-1.amazonaws.com.
      cause: null
      remedy: null
      because: null
      certain: true
      link: docs/troubleshooting.md#discovery-issuer
not_asked:
  description:
    - What was not checked because no option asks for it (C(token), C(role), C(STS), C(cluster)), each with the option
      that does. In playbook C(selfhosted.irsa.verify), this is the variable.
  returned: always
  type: dict
  sample: {"token": "token_path", "role": "role_arn"}
time:
  description: When the verification ended, in UTC.
  returned: always
  type: str
  sample: "2026-11-26T15:42:05Z"
collection_version:
  description: Version of this collection.
  returned: always
  type: str
  sample: 0.1.0
permissions:
  description: IAM actions that the run requires.
  returned: always
  type: list
  elements: str
  sample: ["iam:GetOpenIDConnectProvider", "iam:GetRole"]
report:
  description:
    - Report for people, in lines of at most 80 columns. It counts the passed checks by area, and lists errors and
      warnings in full.
  returned: always
  type: str
  sample: |-
    ok: 27 passed
    connection  9 of 9
    documents   7 of 7
    keys        8 of 8
    provider    3 of 3
    not asked for: token (set token_path), role (set role_arn), STS (set
      assume_role), cluster (set kubeconfig)
"""

import datetime
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import option_names
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import printable
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.version import VERSION
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.aws_module import (
    BOTO3_IMPORT_ERROR,
    aws_module,
    aws_of,
    boto3_library,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude, require
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import logins_in
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import verification
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import identity_of, not_asked
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route


class _Module(MaskedModule):
    """Also masks a login in the issuer URL."""

    public_key_options = ("cluster_jwks", "expected_jwks", "expected_public_keys")

    def private_texts(self) -> set[str]:
        return super().private_texts() | logins_in(self.params.get("issuer"))


# The variables of playbook verify are these options, and region, with this in front.
VARIABLE_PREFIX = "irsa_verify_"
ARGUMENT_SPEC: dict[str, t.Any] = dict(
    issuer=dict(type="str", required=True),
    documents=dict(type="str", default="auto", choices=["auto", "skip"]),
    expected_kids=dict(type="list", elements="str", default=[]),
    expected_jwks=dict(type="raw"),
    expected_public_keys=dict(type="list", elements="str", default=[], no_log=False),
    cluster_jwks=dict(type="raw"),
    cluster_issuer=dict(type="str"),
    kubeconfig=dict(type="path"),
    kube_context=dict(type="str"),
    provider=dict(type="str", default="auto", choices=["auto", "skip"]),
    account_id=dict(type="str"),
    bucket_account_id=dict(type="str"),
    audiences=dict(type="list", elements="str", default=[]),
    token=dict(type="str", no_log=True),
    token_path=dict(type="path", no_log=False),
    service_account=dict(type="str"),
    role_arn=dict(type="str"),
    assume_role=dict(type="bool", default=False),
    timeout=dict(type="float", default=5),
    patience=dict(type="float", default=0),
    connect_to=dict(type="str"),
    ca_path=dict(type="path"),
    fail_on=dict(type="str", default="error", choices=["error", "warning", "never"]),
)


MUTUALLY_EXCLUSIVE = [
    ("token", "token_path", "service_account"),
    ("kubeconfig", "cluster_jwks"),
    ("kubeconfig", "cluster_issuer"),
]
REQUIRED_BY = {"kube_context": "kubeconfig", "service_account": "kubeconfig"}


def main() -> None:
    module = aws_module(
        {**ARGUMENT_SPEC, **option_names.SPEC},
        _Module,
        needs_boto3=False,
        mutually_exclusive=MUTUALLY_EXCLUSIVE,
        required_by=REQUIRED_BY,
    )
    option_names.begin_with(module.params[option_names.OPTION])
    _require_libraries(module)
    conclude(module, lambda: _run(module), only_reads=True)


def _require_libraries(module: AnsibleAWSModule) -> None:
    libraries = {
        signing_key.CRYPTOGRAPHY_REQUIREMENT: signing_key.CRYPTOGRAPHY_IMPORT_ERROR,
        jwk.JWCRYPTO_REQUIREMENT: jwk.JWCRYPTO_IMPORT_ERROR,
    }
    if module.params["kubeconfig"] is not None:
        # It takes longer to import than everything else.
        from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server  # noqa: PLC0415

        libraries[api_server.KUBERNETES_REQUIREMENT] = api_server.KUBERNETES_IMPORT_ERROR
    # Some checks only need boto3, so it is named with others that are missing.
    if module.params["assume_role"] or any(libraries.values()):
        libraries |= boto3_library()
    require(module, libraries)


def _run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    options = module.params
    route = Route(options["connect_to"], options["ca_path"], options["timeout"])
    expectation = verification.Expectation(
        issuer=options["issuer"],
        route=route,
        kids=tuple(options["expected_kids"]),
        keys=verification.expected_keys(options["expected_jwks"], options["expected_public_keys"]),
        identity=identity_of(options, mask=module.no_log_values.add),
        bucket_account_id=options["bucket_account_id"],
        fetches=options["documents"] == "auto",
    )
    aws = aws_of(module) if BOTO3_IMPORT_ERROR is None else None
    report = verification.verify_patiently(expectation, options["patience"], aws)
    unasked = not_asked(options)
    result = {
        "changed": False,
        "issuer": options["issuer"],
        "verdict": report.verdict,
        "diagnosis": report.diagnosis,
        "checks": [check.as_dict() for check in report.checks],
        "not_asked": unasked,
        "report": report.text_with(unasked),
        "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "collection_version": VERSION,
        "permissions": sorted(aws.permissions) if aws else [],
    }
    accepted = {"error": ("ok", "degraded"), "warning": ("ok",), "never": ("ok", "degraded", "broken")}
    if report.verdict not in accepted[options["fail_on"]]:
        outcome = "does not work" if report.verdict == "broken" else "works, but has warnings"
        raise IrsaError(f"The issuer {printable(options['issuer'])} {outcome}. {report.diagnosis}", **result)
    return result


if __name__ == "__main__":
    main()
