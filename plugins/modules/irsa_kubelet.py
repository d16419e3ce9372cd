#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_kubelet
short_description: Read and change the kubelet of one node for irsa_image_pulls
version_added: 0.1.0
description:
  - This module is B(private) to M(selfhosted.irsa.irsa_image_pulls), and its options can change with any release.
  - It runs on a node, reads and writes files there, and restarts the kubelet. It needs nothing but the standard library
    of Python 3.9. What is to be written is decided on the controller.
options:
  operation:
    description:
      - V(read) reads the kubelet's version, flags and files.
      - V(step) writes files, restarts the kubelet, proves that it works, and puts the files back if it does not. It
        goes on if the connection to the node is lost. SIGTERM has it put the files back.
    type: str
    choices: [read, step]
    required: true
  provider_path:
    description: Path of the credential provider's program.
    type: str
    default: ""
  config:
    description: File or folder of a configuration of credential providers to read, too.
    type: str
  step:
    description: The step to take with V(step).
    type: dict
  contents:
    description: The content of each of the step's files in base64, null for one to remove. It is not logged, since
      providers of others may have secrets there.
    type: list
    elements: raw
    default: []
extends_documentation_fragment:
  - selfhosted.irsa._attributes
attributes:
  check_mode:
    support: partial
    details:
      - V(read) reads in check mode, too. V(step) is refused in it; M(selfhosted.irsa.irsa_image_pulls) does not call it
        then.
  diff_mode:
    support: none
    details:
      - M(selfhosted.irsa.irsa_image_pulls) returns the diff.
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Read what the kubelet runs with
  selfhosted.irsa.irsa_kubelet:
    operation: read
    provider_path: /usr/local/bin/ecr-credential-provider
"""

RETURN = r"""
found:
  description: What was read or done.
  returned: success
  type: dict
  sample:
    version: v1.37.2
    pending: false
"""

import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.bare import conclude
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import kubelet, session
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubelet_step import KubeletStep


def main() -> None:
    conclude(
        _result,
        argument_spec=dict(
            operation=dict(type="str", choices=["read", "step"], required=True),
            provider_path=dict(type="str", default=""),
            config=dict(type="str"),
            step=dict(type="dict"),
            contents=dict(type="list", elements="raw", default=[], no_log=True),
        ),
        required_if=[("operation", "step", ["step"])],
    )


def _result(options: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    return {"changed": options["operation"] == "step", "found": _found(options, check_mode)}


def _found(options: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    if os.geteuid() != 0:
        raise IrsaError("The kubelet belongs to root. Set become: true for the hosts, or connect as root.")
    if options["operation"] == "read":
        return kubelet.described(options["provider_path"], options["config"])
    if check_mode:
        raise IrsaError("A step cannot be taken in check mode.")
    step = options["step"]
    files = [{**file, "content": content} for file, content in zip(step["files"], options["contents"])]
    return session.run(lambda: KubeletStep({**step, "files": files}).take())


if __name__ == "__main__":
    main()
