#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_rotate
short_description: Plan the change of a cluster's signing key
version_added: 0.1.0
description:
  - This action is B(private) to role P(selfhosted.irsa.irsa_rotate#role) and may change at any time.
  - It decides, by what the tasks before it have read, which phase of a rotation may be done now, and lists the work.
  - It makes the new key on a control-plane node, hands private keys from one task to the next one so that no output has
    them, and tells other parties of the keys.
options:
  operation:
    description:
      - V(hosts) checks the hosts of the play, and V(check) the variables. V(plan) decides and lists the work, V(result)
        sets the role's result. These run once.
      - V(make_key), V(fetch_key), V(node) and V(tell) do one item of the work. In check mode, V(foreseen) lists what
        would be done after the first phase.
    type: str
    choices: [hosts, check, plan, make_key, fetch_key, node, tell, foreseen, result]
    required: true
  settings:
    description:
      - The variables of the role by their names without C(irsa_rotate_), and the issuer and its audiences. Required for
        everything but O(operation=hosts).
    type: dict
  readings:
    description:
      - Name under which each host has the registered result of M(selfhosted.irsa.irsa_apiserver).
    type: str
    default: __irsa_rotate_reading
  state:
    description:
      - The registered result of M(selfhosted.irsa.irsa_rotation_state).
    type: dict
    default: {}
  done:
    description:
      - What the run has done so far.
    type: dict
    default: {}
  work:
    description:
      - The item that is to be done.
    type: dict
    default: {}
  plan:
    description:
      - The registered result of O(operation=plan).
    type: dict
    default: {}
  hosts:
    description:
      - The hosts that O(pattern) matches, for O(operation=hosts).
    type: list
    elements: str
  pattern:
    description:
      - The hosts of API servers, as C(irsa_control_plane) or the inventory names them. Empty if neither does.
    type: str
  distribution:
    description:
      - The variable C(irsa_apiserver_distribution), for O(operation=hosts).
    type: str
    default: auto
extends_documentation_fragment:
  - selfhosted.irsa._attributes
attributes:
  diff_mode:
    support: partial
    details:
      - The modules that write return the diff, and O(operation=foreseen) that of later writes.
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Check the variables
  selfhosted.irsa.irsa_rotate:
    operation: check
    settings:
      phase: auto
"""

RETURN = r"""
phase:
  description: The phase that is done in this round, or V(status).
  returned: with O(operation=plan)
  type: str
  sample: prepare
work:
  description: The items of the work in their order, each with C(kind), C(title), C(host) and what its task takes.
  returned: with O(operation=plan)
  type: list
  elements: dict
  sample:
    - kind: make_key
      title: "node1: make the new key"
      host: node1
status:
  description: The keys and what they do.
  returned: with O(operation=plan)
  type: dict
table:
  description: The same as text.
  returned: with O(operation=plan)
  type: list
  elements: str
refusals:
  description: Why a phase is not done now, each with C(name), C(message) and C(breaks).
  returned: with O(operation=plan)
  type: list
  elements: dict
  sample: []
actions:
  description: What an item changed or, in check mode, would change.
  returned: when an item was done
  type: list
  elements: str
  sample: ["node1:make key"]
done:
  description: What the run has done so far.
  returned: when an item was done
  type: dict
rotation:
  description: The role's result.
  returned: with O(operation=result)
  type: dict
sealed:
  description: A private key that only this run of ansible-playbook can read.
  returned: with O(operation=fetch_key)
  type: str
"""
