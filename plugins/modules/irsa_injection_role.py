#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_injection_role
short_description: Give pods the credentials of their service accounts
version_added: 0.1.0
description:
  - This module is private to role P(selfhosted.irsa.irsa_injection#role) and may change at any time.
  - Its options are the role's variables of the same names. Messages name the variables.
options:
  kubeconfig:
    description: The variable C(irsa_kubeconfig).
    type: path
  kube_context:
    description: The variable C(irsa_kube_context).
    type: str
  manifests_path:
    description: The variable C(irsa_manifests_path).
    type: path
  method:
    description: The variable C(irsa_injection_method).
    type: str
    choices: [auto, policy, webhook, none]
    default: auto
  guard:
    description: The variable C(irsa_injection_guard).
    type: str
    choices: ["off", warn, deny]
    default: "off"
  guard_exceptions:
    description: The variable C(irsa_injection_guard_exceptions).
    type: list
    elements: str
    default: []
  region:
    description: The variable C(irsa_injection_region).
    type: str
  issuer:
    description: URL of the issuer, whose host names the region if O(region) is not set.
    type: str
  audience:
    description: The variable C(irsa_injection_audience).
    type: str
  issuer_audiences:
    description: The variable C(irsa_issuer_audiences), the first of which is the default of O(audience).
    type: list
    elements: str
  expiration:
    description: The variable C(irsa_injection_expiration).
    type: int
    default: 86400
  sts_regional_endpoints:
    description: The variable C(irsa_injection_sts_regional_endpoints).
    type: bool
    default: true
  mount_path:
    description: The variable C(irsa_injection_mount_path).
    type: str
    default: /var/run/secrets/eks.amazonaws.com/serviceaccount
  annotation_prefix:
    description: The variable C(irsa_injection_annotation_prefix).
    type: str
    default: eks.amazonaws.com
  webhook_namespace:
    description: The variable C(irsa_injection_webhook_namespace).
    type: str
    default: irsa-system
  webhook_registry:
    description: The variable C(irsa_injection_webhook_registry).
    type: str
    default: public.ecr.aws
  webhook_image:
    description: The variable C(irsa_injection_webhook_image).
    type: str
    default: eks/amazon-eks-pod-identity-webhook
  webhook_tag:
    description: The variable C(irsa_injection_webhook_tag).
    type: str
    default: v0.6.17
  webhook_digest:
    description: The variable C(irsa_injection_webhook_digest).
    type: str
    default: ""
  webhook_pull_secrets:
    description: The variable C(irsa_injection_webhook_pull_secrets).
    type: list
    elements: str
    default: []
  webhook_replicas:
    description: The variable C(irsa_injection_webhook_replicas).
    type: int
    default: 2
  webhook_host_network:
    description: The variable C(irsa_injection_webhook_host_network).
    type: bool
    default: false
  webhook_port:
    description: The variable C(irsa_injection_webhook_port).
    type: int
    default: 8443
  webhook_excluded_namespaces:
    description: The variable C(irsa_injection_webhook_excluded_namespaces).
    type: list
    elements: str
    default: []
  webhook_certificates:
    description: The variable C(irsa_injection_webhook_certificates).
    type: str
    choices: [auto, cert_manager, own]
    default: auto
  webhook_certificate_days:
    description: The variable C(irsa_injection_webhook_certificate_days).
    type: int
    default: 1825
  proof_namespace:
    description: The variable C(irsa_injection_proof_namespace).
    type: str
    default: default
  timeout:
    description: The variable C(irsa_injection_timeout).
    type: float
    default: 60
  state:
    description: The variable C(irsa_injection_state).
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - selfhosted.irsa._attributes
requirements:
  - kubernetes, for O(kubeconfig)
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Install the policies
  selfhosted.irsa.irsa_injection_role:
    kubeconfig: /srv/prod/kubeconfig
    region: eu-west-1
  delegate_to: localhost
"""

RETURN = r"""
method:
  description: How pods get their credentials.
  returned: success
  type: str
  sample: policy
manifests:
  description: The documents that the cluster has, or would have. Secrets are without their contents.
  returned: success
  type: list
  elements: dict
  sample: []
certificates:
  description: The certificates of the webhook; empty without one.
  returned: success
  type: dict
  contains:
    kind:
      description: V(own) or V(cert_manager).
      type: str
      returned: with a webhook
    ca_ends:
      description: When the CA ends (RFC 3339), or null if that is not known yet.
      type: str
      returned: with a webhook
    certificate_ends:
      description: When the certificate ends (RFC 3339), or null if that is not known yet.
      type: str
      returned: with a webhook
  sample:
    kind: own
    ca_ends: "2036-11-24T12:00:00Z"
    certificate_ends: "2031-11-26T12:00:00Z"
labelled:
  description: Service accounts that were labelled, in check mode those that would be, as NAMESPACE/NAME.
  returned: success
  type: list
  elements: str
  sample: ["backup/velero"]
unlabelled:
  description: Service accounts with an IAM role that still lack the label, as NAMESPACE/NAME.
  returned: success
  type: list
  elements: str
  sample: []
proof:
  description: What a pod got that was made as a dry run.
  returned: success
  type: dict
  contains:
    injected:
      description: V(true) if the pod got what is set; null if no pod was made.
      type: bool
      returned: always
    reason:
      description: Why no pod was made, or null.
      type: str
      returned: always
    servers:
      description: The API servers that were asked.
      type: list
      elements: str
      returned: always
    volumes:
      description: The pod's volume with the token.
      type: list
      elements: dict
      returned: always
    volumeMounts:
      description: Where its containers have the volume.
      type: list
      elements: dict
      returned: always
    env:
      description: The variables of its containers.
      type: list
      elements: dict
      returned: always
  sample:
    injected: true
    reason: null
    servers: ["10.0.0.11:6443"]
    volumes: []
    volumeMounts: []
    env:
      - name: AWS_REGION
        value: eu-west-1
actions:
  description: Writes to the cluster or to files, in order; in check mode, those that a run would make. If the module
    fails, those made before that.
  returned: always
  type: list
  elements: str
  sample: ["k8s:apply MutatingAdmissionPolicy/irsa-label", "k8s:label ServiceAccount/backup/velero"]
"""

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import role_options
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude, require
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule

# For each request, in seconds. An API server that needs longer has other troubles.
_REQUEST_TIMEOUT = 15.0


def main() -> None:
    module = MaskedModule(
        argument_spec=dict(
            kubeconfig=dict(type="path"),
            kube_context=dict(type="str"),
            manifests_path=dict(type="path"),
            method=dict(type="str", default="auto", choices=["auto", "policy", "webhook", "none"]),
            guard=dict(type="str", default="off", choices=["off", "warn", "deny"]),
            guard_exceptions=dict(type="list", elements="str", default=[]),
            region=dict(type="str"),
            issuer=dict(type="str"),
            audience=dict(type="str"),
            issuer_audiences=dict(type="list", elements="str"),
            expiration=dict(type="int", default=86400),
            sts_regional_endpoints=dict(type="bool", default=True),
            mount_path=dict(type="str", default="/var/run/secrets/eks.amazonaws.com/serviceaccount"),
            annotation_prefix=dict(type="str", default="eks.amazonaws.com"),
            webhook_namespace=dict(type="str", default="irsa-system"),
            webhook_registry=dict(type="str", default="public.ecr.aws"),
            webhook_image=dict(type="str", default="eks/amazon-eks-pod-identity-webhook"),
            webhook_tag=dict(type="str", default="v0.6.17"),
            webhook_digest=dict(type="str", default=""),
            # Names, and no secrets.
            webhook_pull_secrets=dict(type="list", elements="str", default=[], no_log=False),
            webhook_replicas=dict(type="int", default=2),
            webhook_host_network=dict(type="bool", default=False),
            webhook_port=dict(type="int", default=8443),
            webhook_excluded_namespaces=dict(type="list", elements="str", default=[]),
            webhook_certificates=dict(type="str", default="auto", choices=["auto", "cert_manager", "own"]),
            webhook_certificate_days=dict(type="int", default=1825),
            proof_namespace=dict(type="str", default="default"),
            timeout=dict(type="float", default=60),
            state=dict(type="str", default="present", choices=["present", "absent"]),
        ),
        supports_check_mode=True,
    )
    conclude(module, lambda: _run(module))


def _run(module: MaskedModule) -> dict[str, t.Any]:
    options = module.params
    role_options.settings_of(options)  # what is wrong with them is said first
    return role_options.run(options, _api_server(module), check_mode=module.check_mode)


def _api_server(module: MaskedModule) -> t.Any:
    if not role_options.needs_cluster(module.params):
        return None
    # The kubernetes library takes longer to import than everything else.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server  # noqa: PLC0415

    require(module, {api_server.KUBERNETES_REQUIREMENT: api_server.KUBERNETES_IMPORT_ERROR})
    kubeconfig, context = module.params["kubeconfig"], module.params["kube_context"]
    return api_server.ApiServer(kubeconfig, _REQUEST_TIMEOUT, context)


if __name__ == "__main__":
    main()
