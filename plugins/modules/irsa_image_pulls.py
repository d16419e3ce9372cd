#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: irsa_image_pulls
short_description: Have the kubelet of a node pull images with the tokens of service accounts
version_added: 0.1.0
description:
  - This module is private to role P(selfhosted.irsa.irsa_image_pulls#role) and may change at any time.
  - This is an action that runs on the controller. What it reads and writes on a node needs Python 3.9 there, nothing
    else.
options:
  operation:
    description: V(plan) says whether the kubelet of the host needs a change, and checks that it can be made. V(step)
      makes it.
    type: str
    choices: [plan, step]
    required: true
  provider_path:
    description: The variable C(irsa_image_pulls_provider_path).
    type: str
    required: true
  match_images:
    description: The variable C(irsa_image_pulls_match_images).
    type: list
    elements: str
    required: true
  audience:
    description: The variable C(irsa_image_pulls_audience).
    type: str
    default: sts.amazonaws.com
  role_arn:
    description: The variable C(irsa_image_pulls_role_arn).
    type: str
  region:
    description: The variable C(irsa_image_pulls_region).
    type: str
  cache_duration:
    description: The variable C(irsa_image_pulls_cache_duration).
    type: str
    default: 0s
  config_dir:
    description: The variable C(irsa_image_pulls_config_dir).
    type: str
    default: /etc/kubernetes
  timeout:
    description: The variable C(irsa_image_pulls_timeout).
    type: int
    default: 120
  state:
    description: The variable C(irsa_image_pulls_state).
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - selfhosted.irsa._attributes
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Change the kubelet of this node
  selfhosted.irsa.irsa_image_pulls:
    operation: step
    provider_path: /usr/local/bin/ecr-credential-provider
    match_images: ["*.dkr.ecr.*.amazonaws.com"]
"""

RETURN = r"""
config:
  description: The file on the node with the provider.
  returned: success
  type: str
  sample: /etc/kubernetes/irsa-credential-providers.json
settings:
  description: The options about the provider, which a step takes.
  returned: success
  type: dict
  sample:
    provider_path: /usr/local/bin/ecr-credential-provider
    audience: sts.amazonaws.com
needs_step:
  description: Whether the kubelet of the node needed a change when it was read.
  returned: success
  type: bool
  sample: true
seconds:
  description: How long it took until the kubelet was proved. Null if it was not changed.
  returned: success
  type: float
  sample: 8.5
put_back:
  description: Whether the former files were put back.
  returned: failure of O(operation=step)
  type: bool
  sample: true
actions:
  description: Writes and restarts of a step, in order; in check mode, those that a run would make.
  returned: always
  type: list
  elements: str
  sample: ["write:/etc/kubernetes/irsa-credential-providers.json", "write:/etc/default/kubelet", "restart:kubelet"]
"""
