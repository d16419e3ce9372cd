#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_enable
short_description: Check the variables of playbook enable, and choose its proof
version_added: 0.1.0
description:
  - This action is B(private) to playbook C(selfhosted.irsa.enable) and may change at any time.
  - It checks what the variables of the playbook's roles must be together, lists everything that is wrong in one
    message, and says how the playbook goes about the cluster.
  - When the roles have run, it says which token proves the run, and which manifests have to be applied before.
options:
  operation:
    description:
      - V(check) checks the variables, V(proof) chooses the proof.
    type: str
    choices: [check, proof]
    required: true
  hosts:
    description:
      - The hosts that the API servers run on. Without any, the playbook prints what has to be done on them. Required
        with O(operation=check).
    type: list
    elements: str
  pattern:
    description:
      - The pattern that these hosts match. Required with O(operation=check).
    type: str
  results:
    description:
      - The results of the roles. Required with O(operation=proof).
    type: dict
extends_documentation_fragment:
  - selfhosted.irsa._attributes.read_only
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Check the variables
  selfhosted.irsa.irsa_enable:
    operation: check
    hosts: "{{ groups['control_plane'] }}"
    pattern: control_plane
  register: enabling
"""

RETURN = r"""
has_hosts:
  description: Whether there are hosts to change.
  returned: with O(operation=check)
  type: bool
  sample: true
has_recipe:
  description: Whether role irsa_apiserver says how to change the API servers, rather than to change them itself.
  returned: with O(operation=check)
  type: bool
  sample: false
adopts:
  description: Whether the cluster's own keys are published.
  returned: with O(operation=check)
  type: bool
  sample: true
from_cluster:
  description: Whether the keys of the API servers are read through the kubeconfig.
  returned: with O(operation=check)
  type: bool
  sample: false
kubeconfig:
  description: Absolute path of the kubeconfig on the controller, or null.
  returned: with O(operation=check)
  type: str
  sample: /home/me/.kube/config
kube_context:
  description: Context of the kubeconfig, or null for its current one.
  returned: with O(operation=check)
  type: str
  sample: null
ca_path:
  description: Absolute path of the file with further CA certificates on the controller, or null.
  returned: with O(operation=check)
  type: str
  sample: null
own_key_path:
  description: Path of the key that API servers are to sign with, as it was set; empty if the cluster's key is adopted.
  returned: with O(operation=check)
  type: str
  sample: ""
extra_jwks:
  description: The further public keys to publish.
  returned: with O(operation=check)
  type: list
  elements: dict
  sample: []
servers:
  description:
    - The API servers of the cluster, each with the issuers that it is known to accept; it signs with the first one.
      C(is_complete) says whether these are all, and C(is_front) whether the name is an address before an unknown number
      of servers. Empty if there are hosts.
  returned: with O(operation=check)
  type: list
  elements: dict
  sample:
    - name: node1
      issuers: ["https://kubernetes.default.svc.cluster.local"]
      is_complete: true
      is_front: false
service_account:
  description: The service account for which a token is made, as NAMESPACE/NAME.
  returned: with O(operation=proof)
  type: str
  sample: shop/reader
audiences:
  description: The audiences that the provider must accept. The token is for the first one.
  returned: with O(operation=proof)
  type: list
  elements: str
  sample: [sts.amazonaws.com]
role_arn:
  description: The role to assume with the token; null if no service account has one.
  returned: with O(operation=proof)
  type: str
  sample: arn:aws:iam::123456789012:role/shop-reader
to_apply:
  description: Manifests that the cluster does not have yet, in the order in which they must be applied.
  returned: with O(operation=proof)
  type: list
  elements: str
  sample: []
lacking:
  description: What the cluster is known to lack because of that.
  returned: with O(operation=proof)
  type: list
  elements: str
  sample: []
"""
