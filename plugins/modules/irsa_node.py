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
      - V(keys) tells which keys the node has, and which tokens of the cluster a change of the signing key would touch.
        Of a private key, it returns nothing but its SHA-256.
      - V(token_pods) names the pods that run with projected tokens, and says which of them have one for O(audiences).
      - V(make_key) makes a key with the node's own openssl, or installs O(private_key), in O(key_folder).
      - V(private_key) returns a private key sealed with O(pad).
      - V(remake_tokens) has kube-controller-manager make new tokens in Secrets. The former tokens are refused from then
        on, wherever copies of them are in use.
      - V(remove_keys) removes files of keys in O(key_folder).
      - V(retire_keys) moves keys from O(key_folder) into the folder C(retired) in it.
    type: str
    choices:
      - inspect
      - configuration
      - observe
      - step
      - keys
      - token_pods
      - make_key
      - private_key
      - remake_tokens
      - remove_keys
      - retire_keys
    required: true
  paths:
    description:
      - Files to read with V(inspect), files of public keys to read with V(keys), files to remove with
        V(remove_keys), or private keys to move with V(retire_keys).
      - One that does not exist has no content. Where V(keys) finds private keys, it returns their public keys instead.
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
    description:
      - URL of the API server to ask with V(observe), V(keys) and V(remake_tokens). Without it, the API server of the
        node is found.
    type: str
  step:
    description: The step to take with V(step).
    type: dict
  private_key:
    description: A private key in PEM, for a step that installs it or for V(make_key). It is in no result and no log.
    type: str
  private_paths:
    description: Files of private keys of which V(keys) returns the SHA-256, and the key ID if the node has openssl.
    type: list
    elements: str
    default: []
  key_folder:
    description: Folder for the issuer's own keys, where files are called as their key ID.
    type: str
  audiences:
    description:
      - Audiences of projected tokens whose pods V(token_pods) names.
    type: list
    elements: str
    default: []
  key_type:
    description: Type of the key that V(make_key) makes.
    type: str
    choices: [RSA, ECDSA]
    default: RSA
  key_size:
    description: Size of an RSA key in bits. If omitted, 2048.
    type: int
    choices: [2048, 3072, 4096]
  key_curve:
    description: Curve of an ECDSA key. If omitted, P-256.
    type: str
    choices: [P-256, P-384, P-521]
  like:
    description: File whose owner the new files of V(make_key) get.
    type: str
  public_key:
    description: The public key of O(private_key) in PEM (SubjectPublicKeyInfo), for V(make_key).
    type: str
  kid:
    description: The key ID of O(private_key), for V(make_key).
    type: str
  path:
    description: File of the private key to return sealed with V(private_key).
    type: str
  pad:
    description:
      - Random bytes (base64), at least as many as the key has. V(private_key) returns the key XOR these bytes. They
        must be used once. They are in no result and no log.
    type: str
  secrets:
    description: Namespace and name of the Secrets in which V(remake_tokens) has new tokens made.
    type: list
    elements: dict
    default: []
    suboptions:
      namespace:
        description: Namespace of the Secret.
        type: str
        required: true
      name:
        description: Name of the Secret.
        type: str
        required: true
extends_documentation_fragment:
  - selfhosted.irsa._attributes
attributes:
  check_mode:
    support: partial
    details:
      - V(inspect), V(configuration), V(observe), V(keys) and V(private_key) read in check mode, too. The others are
        refused in it; who plans them does not call them then.
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
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import operations


def main() -> None:
    conclude(
        _result,
        argument_spec=dict(
            operation=dict(type="str", choices=[*operations.NAMES], required=True),
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
            private_paths=dict(type="list", elements="str", default=[]),
            key_folder=dict(type="str", no_log=False),
            audiences=dict(type="list", elements="str", default=[]),
            key_type=dict(type="str", choices=["RSA", "ECDSA"], default="RSA", no_log=False),
            key_size=dict(type="int", choices=[2048, 3072, 4096], no_log=False),
            key_curve=dict(type="str", choices=["P-256", "P-384", "P-521"], no_log=False),
            like=dict(type="str"),
            public_key=dict(type="str", no_log=False),
            kid=dict(type="str"),
            path=dict(type="str"),
            pad=dict(type="str", no_log=True),
            secrets=dict(type="list", elements="dict", default=[], options=_SECRET, no_log=False),
        ),
        required_if=_REQUIRED,
        required_together=[("public_key", "kid")],
    )


_SECRET = dict(namespace=dict(type="str", required=True), name=dict(type="str", required=True))
_REQUIRED = [
    ("operation", "step", ["step"]),
    ("operation", "make_key", ["key_folder"]),
    ("operation", "private_key", ["path", "pad"]),
    ("operation", "remove_keys", ["key_folder"]),
    ("operation", "retire_keys", ["key_folder"]),
]


def _result(options: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    if os.geteuid() != 0:
        raise IrsaError("Control planes belong to root. Set become: true for the hosts, or connect as root.")
    if check_mode and options["operation"] in operations.CHANGING:
        raise IrsaError(f"Operation {options['operation']} cannot be done in check mode.")
    changed, found = operations.done(options)
    return {"changed": changed, "found": found}


if __name__ == "__main__":
    main()
