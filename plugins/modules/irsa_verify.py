#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_verify
short_description: Does a service account issuer work, and if not, why
version_added: 0.1.0
description:
  - Fetches an issuer's documents as a stranger would, without credentials, and compares them with what is expected.
  - Works with any issuer, made by this collection or not.
options:
  issuer:
    description:
      - Issuer URL, byte for byte as tokens have it in C(iss).
    type: str
    required: true
  expected_kids:
    description:
      - Key IDs that must be published.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds to wait for each step of a connection. AWS waits 5 seconds.
    type: float
    default: 5
  patience:
    description:
      - Seconds to go on trying while the issuer does not work, for one that was published a moment ago.
    type: float
    default: 0
  fail_on:
    description:
      - The gravest finding with which the module still succeeds is the one below this.
    type: str
    choices: [error, warning, never]
    default: error
extends_documentation_fragment:
  - selfhosted.irsa._aws_options.route
  - selfhosted.irsa._attributes.read_only
requirements:
  - cryptography >= 3.4
  - jwcrypto >= 1.5
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: See whether AWS would accept this issuer
  selfhosted.irsa.irsa_verify:
    issuer: https://irsa-prod.s3.eu-west-1.amazonaws.com
    expected_kids:
      - "{{ keypair.kid }}"
"""

RETURN = r"""
verdict:
  description: V(ok), V(degraded) when there are warnings, V(broken) when there are errors.
  returned: always
  type: str
  sample: ok
diagnosis:
  description: The first true cause in one paragraph, null when all is well.
  returned: always
  type: str
  sample: null
checks:
  description: The checks in the order they were made.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: What is checked; stable.
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
      description: What to do, or null.
      type: str
  sample:
    - id: discovery-issuer
      status: ok
      seen: The discovery document names the issuer https://irsa-prod.s3.eu-west-1.amazonaws.com.
      cause: null
      remedy: null
report:
  description: The text that a person reads.
  returned: always
  type: str
  sample: "ok: 9 of 9 checks are right (…)"
"""

import dataclasses

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.selfhosted.irsa.plugins.module_utils import jwk, keys, verification
from ansible_collections.selfhosted.irsa.plugins.module_utils.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils.https import Route
from ansible_collections.selfhosted.irsa.plugins.module_utils.module import conclude, require


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            issuer=dict(type="str", required=True),
            expected_kids=dict(type="list", elements="str", default=[]),
            timeout=dict(type="float", default=5),
            patience=dict(type="float", default=0),
            connect_to=dict(type="str"),
            ca_path=dict(type="path"),
            fail_on=dict(type="str", default="error", choices=["error", "warning", "never"]),
        ),
        supports_check_mode=True,
    )
    require(module, "cryptography", keys.CRYPTOGRAPHY_IMPORT_ERROR)
    require(module, "jwcrypto", jwk.JWCRYPTO_IMPORT_ERROR)
    conclude(module, lambda: _run(module.params))


def _run(options: dict) -> dict:
    route = Route(options["connect_to"], options["ca_path"], options["timeout"])
    report = verification.verify_patiently(
        verification.Expectation(options["issuer"], route, tuple(options["expected_kids"])), options["patience"]
    )
    result = {
        "changed": False,
        "verdict": report.verdict,
        "diagnosis": report.diagnosis,
        "checks": [dataclasses.asdict(check) for check in report.checks],
        "report": report.text,
    }
    accepted = {"error": ("ok", "degraded"), "warning": ("ok",), "never": ("ok", "degraded", "broken")}
    if report.verdict not in accepted[options["fail_on"]]:
        raise IrsaError(f"The issuer {options['issuer']} does not work. {report.diagnosis}", **result)
    return result


if __name__ == "__main__":
    main()
