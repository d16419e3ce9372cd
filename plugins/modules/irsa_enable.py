#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_enable
short_description: Check the variables of playbook enable
version_added: 0.1.0
description:
  - This action is B(private) to playbook C(selfhosted.irsa.enable) and may change at any time.
  - It checks what the variables of the playbook's roles must be together, lists everything that is wrong in one
    message, and says how the playbook goes about the cluster.
options:
  hosts:
    description:
      - The hosts that the API servers run on. Without any, the playbook prints what has to be done on them.
    type: list
    elements: str
    required: true
  pattern:
    description:
      - The pattern that these hosts match.
    type: str
    required: true
extends_documentation_fragment:
  - selfhosted.irsa._attributes.read_only
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Check the variables
  selfhosted.irsa.irsa_enable:
    hosts: "{{ groups['control_plane'] }}"
    pattern: control_plane
  register: enabling
"""

RETURN = r"""
has_hosts:
  description: Whether there are hosts to change.
  returned: success
  type: bool
  sample: true
adopts:
  description: Whether the cluster's own keys are published.
  returned: success
  type: bool
  sample: true
from_cluster:
  description: Whether the keys of the API servers are read through the kubeconfig.
  returned: success
  type: bool
  sample: false
kubeconfig:
  description: Absolute path of the kubeconfig on the controller, or null.
  returned: success
  type: str
  sample: /home/me/.kube/config
kube_context:
  description: Context of the kubeconfig, or null for its current one.
  returned: success
  type: str
  sample: null
ca_path:
  description: Absolute path of the file with further CA certificates on the controller, or null.
  returned: success
  type: str
  sample: null
own_key_path:
  description: Path of the key that API servers are to sign with, as it was set; empty if the cluster's key is adopted.
  returned: success
  type: str
  sample: ""
extra_jwks:
  description: The further public keys to publish.
  returned: success
  type: list
  elements: dict
  sample: []
servers:
  description:
    - The API servers of the cluster, each with the issuers that it is known to accept; it signs with the first one.
      C(is_complete) says whether these are all, and C(is_front) whether the name is an address before an unknown number
      of servers. Empty if there are hosts.
  returned: success
  type: list
  elements: dict
  sample:
    - name: node1
      issuers: ["https://kubernetes.default.svc.cluster.local"]
      is_complete: true
      is_front: false
"""
