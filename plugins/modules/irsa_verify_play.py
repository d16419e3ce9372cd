#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_verify_play
short_description: Run irsa_verify with the variables of playbook verify
version_added: 0.1.0
description:
  - This action is private to the playbook C(selfhosted.irsa.verify) and may change at any time. Use
    M(selfhosted.irsa.irsa_verify) in tasks of your own.
  - It takes no options. It reads the variables C(irsa_verify_*) of the host, which are the options of
    M(selfhosted.irsa.irsa_verify) with C(irsa_verify_) in front, and C(irsa_verify_report_path), the file of a report.
    If one of them cannot be used, nothing is verified.
options: {}
extends_documentation_fragment:
  - selfhosted.irsa._attributes
  - selfhosted.irsa._attributes.read_only
  - selfhosted.irsa._attributes.aws
requirements:
  - cryptography >= 3.4
  - jwcrypto >= 1.5
seealso:
  - module: selfhosted.irsa.irsa_verify
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Verify the issuer
  selfhosted.irsa.irsa_verify_play:
  delegate_to: localhost
  vars:
    irsa_verify_issuer: https://example-irsa-prod.s3.eu-west-1.amazonaws.com
  register: verified
"""

RETURN = r"""
verdict:
  description: Same as RV(selfhosted.irsa.irsa_verify#module:verdict), as are all other values of that module.
  returned: if it could be verified
  type: str
  sample: ok
report_path:
  description: Absolute path of the report to write; empty if none is to be written.
  returned: always
  type: str
  sample: /srv/reports/verify.md
"""
