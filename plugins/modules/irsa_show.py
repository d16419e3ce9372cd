#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_show
short_description: Print the results of this collection's playbooks
version_added: 0.1.0
description:
  - This module is B(private) to the collection, and its options can change with any release. In playbooks of your own,
    use the results that it prints, not the module.
  - Prints results as lines of at most 80 columns (fewer on a narrower terminal), in the colors that Ansible uses, with
    any stdout callback that is for people. With C(-v), it leaves nothing out.
  - With a stdout callback that is for programs (one with V(json), V(xml), V(csv) or V(null) in its name), it prints
    nothing, and RV(clusters) contains the data.
options:
  subject:
    description:
      - What to print. For V(provision) and V(teardown), the results are C(irsa_issuer_result) of the hosts; for
        V(verify) and V(verify_table), they are what M(selfhosted.irsa.irsa_verify) returned. For V(enable_plan) and
        V(enable), they are not by host, but by part of the playbook - C(issuer), C(servers), C(injection), C(accounts)
        and C(proof).
    type: str
    choices: [provision, teardown, verify, verify_table, enable_plan, enable, rotate]
    required: true
  results:
    description:
      - The results by host name. With O(subject=teardown), the result of exactly one host.
      - Defaults to C(irsa_issuer_result) of each host of the play.
    type: dict
  kept_key:
    description:
      - Path and host of the key file that teardown keeps. Empty if teardown deletes the file, or if there is none.
    type: str
    default: ""
extends_documentation_fragment:
  - selfhosted.irsa._attributes.read_only
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Show what was found
  selfhosted.irsa.irsa_show:
    subject: verify
    results: "{{ {inventory_hostname: verified} }}"
"""

RETURN = r"""
clusters:
  description:
    - What was printed, by host name, without the documents' texts and the permissions.
  returned: >-
    with the subjects V(provision), V(teardown), V(verify) and V(verify_table), unless the stdout callback prints the
    result of every task in full (V(minimal), V(oneline))
  type: dict
  sample:
    prod:
      changed: false
      issuer: https://irsa-prod.s3.eu-west-1.amazonaws.com
      provider_arn: arn:aws:iam::123456789012:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com
      kid: ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng
would_change:
  description: Whether any part of the playbook has changed something or, in its plan, would change something.
  returned: with the subjects V(enable_plan) and V(enable)
  type: bool
  sample: false
by_hand:
  description: Whether API servers have to be changed by hand before AWS accepts their tokens.
  returned: with the subjects V(enable_plan) and V(enable)
  type: bool
  sample: false
actions:
  description: What all parts of the playbook have done or, in its plan, would do.
  returned: with the subjects V(enable_plan) and V(enable)
  type: list
  elements: str
  sample: []
"""
