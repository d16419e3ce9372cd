#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_node
short_description: Read and change one control-plane node for irsa_apiserver
version_added: 0.1.0
description:
  - This module is B(private) to M(selfhosted.irsa.irsa_apiserver), and its options can change with any release.
  - It runs on a control-plane node, reads and writes files there, and asks API servers with the node's own kubectl. It
    needs nothing but the standard library of Python 3.9. What is to be written is decided on the controller.
  - Tokens that it mints to prove that API servers accept them never leave its process.
options:
  operation:
    description:
      - V(inspect) reads files, services and the version of kubeadm.
      - V(configuration) reads the files of another distribution, without the secrets in them.
      - V(observe) asks an API server what it runs, serves and signs with.
      - V(step) writes files, waits for the API server, proves that it works, and puts the files back if it does not. It
        goes on if the connection to the node is lost. SIGTERM has it put the files back.
    type: str
    choices: [inspect, configuration, observe, step]
    required: true
  paths:
    description: Files to read with V(inspect). One that does not exist has no content.
    type: list
    elements: str
    default: []
  folders:
    description: Folders whose files are listed with V(inspect), or read with V(configuration).
    type: list
    elements: str
    default: []
  patches:
    description: Folder of kubeadm's patches, which are read with V(inspect).
    type: str
  public_keys:
    description: Files of public keys, of which V(inspect) says whether an API server would start with them.
    type: list
    elements: str
    default: []
  services:
    description: Units of systemd of which V(inspect) says whether they are installed, and how they run.
    type: list
    elements: str
    default: []
  endings:
    description: How the names of the files in O(folders) end that V(configuration) reads.
    type: list
    elements: str
    default: []
  version_command:
    description: Words of the command that prints the version of the distribution, for V(configuration).
    type: list
    elements: str
    default: []
  kubectl:
    description: Programs that are kubectl, each with the words that call it. The first that the node has is used.
    type: list
    elements: list
    default: [[kubectl]]
  kubeconfigs:
    description: Kubeconfigs of the cluster's administrator. The first that the node has is used.
    type: list
    elements: str
    default: [/etc/kubernetes/admin.conf]
  server:
    description: URL of the API server to ask with V(observe). Without it, the API server of the node is found.
    type: str
  step:
    description: The step to take with V(step).
    type: dict
  private_key:
    description: The issuer's own key in PEM, for a step that installs it. It is in no result and no log.
    type: str
extends_documentation_fragment:
  - selfhosted.irsa._attributes
attributes:
  check_mode:
    support: partial
    details:
      - V(inspect) and V(observe) read in check mode, too. V(step) is refused in it; M(selfhosted.irsa.irsa_apiserver)
        does not call it then.
  diff_mode:
    support: none
    details:
      - M(selfhosted.irsa.irsa_apiserver) returns the diff.
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Read the manifest of an API server
  selfhosted.irsa.irsa_node:
    operation: inspect
    paths: [/etc/kubernetes/manifests/kube-apiserver.yaml]
    folders: [/etc/kubernetes/manifests]
"""

RETURN = r"""
found:
  description: What was read, done and proved.
  returned: success
  type: dict
  sample:
    hostname: node1
    kubeadm_version: v1.37.2
    has_kubectl: true
"""

import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.bare import conclude
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import inspection, observation, session
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step import Node, Walker
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step_request import Step


def main() -> None:
    conclude(
        _result,
        argument_spec=dict(
            operation=dict(type="str", choices=["inspect", "configuration", "observe", "step"], required=True),
            paths=dict(type="list", elements="str", default=[]),
            folders=dict(type="list", elements="str", default=[]),
            patches=dict(type="str"),
            public_keys=dict(type="list", elements="str", default=[]),
            services=dict(type="list", elements="str", default=[]),
            endings=dict(type="list", elements="str", default=[]),
            version_command=dict(type="list", elements="str", default=[]),
            kubectl=dict(type="list", elements="list", default=[["kubectl"]]),
            kubeconfigs=dict(type="list", elements="str", default=["/etc/kubernetes/admin.conf"]),
            server=dict(type="str"),
            step=dict(type="dict"),
            private_key=dict(type="str", no_log=True),
        ),
        required_if=[("operation", "step", ["step"])],
    )


def _result(options: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    return {"changed": options["operation"] == "step", "found": _found(options, check_mode)}


def _found(options: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    if os.geteuid() != 0:
        raise IrsaError("Control planes belong to root. Set become: true for the hosts, or connect as root.")
    if options["operation"] == "inspect":
        return inspection.inspect(
            options["paths"],
            options["folders"],
            options["patches"],
            public_keys=options["public_keys"],
            services=options["services"],
        )
    if options["operation"] == "configuration":
        return inspection.configuration(
            options["paths"],
            options["folders"],
            endings=options["endings"],
            version_command=options["version_command"],
        )
    kubectl = Kubectl.found(options["kubectl"], options["kubeconfigs"])
    if options["operation"] == "observe":
        return observation.observe(kubectl, options["server"] or observation.own_server(kubectl))
    if check_mode:
        raise IrsaError("A step cannot be taken in check mode.")
    return session.run(lambda: Walker(Step.of(options["step"], options["private_key"]), Node(kubectl)).take())


if __name__ == "__main__":
    main()
