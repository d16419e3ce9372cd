#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_apiserver
short_description: Have the API servers of a cluster sign service account tokens for an issuer
version_added: 0.1.0
description:
  - Reads the API servers of a cluster, plans their changes together, and changes one server at a time.
  - Role P(selfhosted.irsa.irsa_apiserver#role) runs it in these steps. Use the role, unless you want to do something
    between two of them.
  - Changes clusters of kubeadm, k3s, RKE2, k0s and MicroK8s, and makes files and commands for other distributions. Only
    the flags in question change in the files of an API server; everything else in them stays byte for byte. No private
    key is read unless O(key=own).
  - Plans judge the arguments that kube-apiserver gets, never the text of a file.
  - This is an action that runs on the controller. What it reads and writes on a control-plane node needs Python 3.9 and
    the node's own kubectl and kubeadm there, nothing else.
options:
  operation:
    description:
      - V(read) reads the API server of the task's host. Run it on all API servers' hosts and register its result.
      - V(plan) plans the changes of all servers from what was read. Run it once.
      - V(step) makes one change of the plan on the host that the step names, and proves it.
    type: str
    choices: [read, plan, step]
    required: true
  distribution:
    description:
      - The distribution of the cluster. V(auto) recognizes by its files what is changed on the API servers' hosts.
      - For V(talos) and all that follow it, O(operation=read) reads nothing, and O(operation=plan) makes the files and
        commands that change the API servers.
    type: str
    choices:
      - auto
      - kubeadm
      - k3s
      - rke2
      - k0s
      - microk8s
      - talos
      - kubespray
      - cluster_api
      - openshift
      - kops
      - gardener
      - kind
      - k3d
      - minikube
      - generic
    default: auto
  distribution_version:
    description: The version of the distribution, as text. Required for V(distribution=talos).
    type: raw
  cluster_name:
    description: The name of the cluster. Required for V(distribution=cluster_api).
    type: str
  output_dir:
    description:
      - Folder on the controller in which the files for such a distribution are written, those with a private key with
        mode 0600. Without it, they are in RV(results) only, and there can be none with a private key.
    type: path
  address:
    description: Address and port of the host's API server, if the cluster does not list it by an address of the host.
    type: str
  issuer:
    description: The issuer URL. Required with O(operation=plan), unless O(phase=read).
    type: str
  state:
    description:
      - V(present) has the servers sign for the issuer, V(absent) goes back to the issuer before it.
      - Going back takes two runs, since pods have tokens of the issuer by then. The first run has the servers sign with
        the former issuer again, the second one, after O(forget_after), forgets this one.
    type: str
    choices: [present, absent]
    default: present
  phase:
    description:
      - V(accept) has every server accept the issuer, V(sign) has every server sign for it. V(auto) does both.
      - No server signs before every server of the cluster accepts, also those that are not in the play.
      - V(new) is for a cluster that does not exist yet, and a distribution that is not changed on its hosts.
      - V(read) plans nothing and returns only what was read.
    type: str
    choices: [auto, accept, sign, new, read]
    default: auto
  key:
    description:
      - V(adopt) keeps the key that signs today. It must be among O(published_kids), if there are any.
      - V(own) installs the issuer's own key beside the cluster's key.
    type: str
    choices: [adopt, own]
    default: adopt
  key_path:
    description:
      - Path of the issuer's private key, with O(key=own). It is read on the controller if it exists there, otherwise on
        each API server's host.
    type: path
  kid:
    description: Key ID of the issuer's own key, with O(key=own).
    type: str
  public_key:
    description: The issuer's own public key in PKIX PEM, with O(key=own).
    type: str
  key_is_new:
    description: Whether the issuer's own key would be created by the run. Then check mode plans without its key ID.
    type: bool
    default: false
  published_kids:
    description: Key IDs in the issuer's JWKS.
    type: list
    elements: str
    default: []
  accepted_issuers:
    description: Further issuers to accept, besides those that the servers accept today.
    type: list
    elements: str
    default: []
  former_issuers:
    description: The variable C(irsa_issuer_former_issuers). They are accepted like O(accepted_issuers).
    type: list
    elements: str
    default: []
  accepted_public_keys:
    description:
      - Paths of further public keys on the nodes to accept, besides those that the servers accept today.
      - V(read) looks whether an API server would start with them.
    type: list
    elements: str
    default: []
  persist:
    description:
      - How the change survives C(kubeadm upgrade). V(cluster_configuration) writes it into the ConfigMap
        kube-system/kubeadm-config, V(patches) into O(patches_dir) on every node, V(none) nowhere.
      - V(auto) takes the ConfigMap if kubeadm keeps the order of flags, and patches otherwise.
    type: str
    choices: [auto, cluster_configuration, patches, none]
    default: auto
  patches_dir:
    description: Folder of kubeadm's patches on the nodes.
    type: str
    default: /etc/kubernetes/patches
  forget_after:
    description:
      - Seconds that must have passed since the youngest API server started before O(state=absent) forgets the issuer.
    type: int
    default: 86400
  timeout:
    description: Seconds within which a server must be proved after a step. At most 180 of them are for its restart.
    type: int
    default: 300
  rollback:
    description: Whether a server that is not proved in time gets its former files back.
    type: bool
    default: true
  force:
    description: Whether to go on in spite of differences between the servers that can be overruled.
    type: bool
    default: false
  readings:
    description: Name of the variable in which O(operation=read) was registered on each host.
    type: str
    default: __irsa_apiserver_reading
  keys:
    description:
      - With V(rotate), O(operation=read) also reads what a change of the signing key is decided on, which are the files
        of keys, the Secrets with tokens that never expire, and how long the tokens of pods live. Of private keys, it
        reads nothing but a digest.
    type: str
    choices: [none, rotate]
    default: none
  step:
    description: One of RV(steps), with O(operation=step).
    type: dict
  sealed_key:
    description:
      - The private key for a step that replaces one, with O(operation=step). It is encrypted, and only the run of
        C(ansible-playbook) that read it can use it.
    type: str
  results:
    description: RV(results) of the plan or of the step before, with O(operation=step).
    type: dict
    default: {}
extends_documentation_fragment:
  - selfhosted.irsa._attributes
seealso:
  - module: selfhosted.irsa.irsa_issuer
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Read every API server
  selfhosted.irsa.irsa_apiserver:
    operation: read
  register: __irsa_apiserver_reading

- name: Plan
  selfhosted.irsa.irsa_apiserver:
    operation: plan
    issuer: https://example-irsa-prod.s3.eu-west-1.amazonaws.com
  run_once: true
  register: plan
"""

RETURN = r"""
reading:
  description: What was read on a host, for O(operation=plan).
  returned: success with O(operation=read)
  type: dict
  sample:
    host: node1
    address: 192.0.2.11:6443
steps:
  description: The steps to take, in order. Their C(host) is the host to take them on, their C(title) says what they do.
  returned: success with O(operation=plan)
  type: list
  elements: dict
  sample:
    - host: node1
      title: "node1: accept"
summary:
  description: What the steps restart; empty if nothing.
  returned: success with O(operation=plan)
  type: str
  sample: "3 API servers restart, one at a time"
next:
  description: What can or must be done after the steps.
  returned: success with O(operation=plan)
  type: list
  elements: str
  sample: []
results:
  description:
    - The result of each server by the name of its node, as in C(irsa_apiserver_result) of the role.
  returned: success with O(operation=plan) and O(operation=step)
  type: dict
  sample:
    node1:
      distribution: kubeadm
      issuers:
        before: [https://kubernetes.default.svc.cluster.local]
        after: [https://example-irsa-prod.s3.eu-west-1.amazonaws.com, https://kubernetes.default.svc.cluster.local]
      signing_kid: ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng
      restarted: true
seconds:
  description: How long the step took until the server was proved. Null in check mode.
  returned: success with O(operation=step)
  type: float
  sample: 41.5
log:
  description: The end of the API server's log.
  returned: failure of O(operation=step) after its files were written
  type: str
  sample: 'Error: service-account-issuer "https://example.com" is already specified'
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
  sample: ["node1:write /etc/kubernetes/manifests/kube-apiserver.yaml", "node1:restart kube-apiserver"]
"""
