# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be known of kubespray, as sentences of its recipe.

Read in kubespray 2.27 to 2.31:
https://github.com/kubernetes-sigs/kubespray/blob/v2.31.0/roles/kubernetes/kubeadm_common/tasks/main.yml
https://github.com/kubernetes-sigs/kubespray/blob/v2.31.0/roles/kubernetes/control-plane/tasks/kubeadm-upgrade.yml
https://github.com/kubernetes-sigs/kubespray/blob/v2.31.0/playbooks/upgrade_cluster.yml
"""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_patches import API_SERVER_FILE

PLACE = (
    "The commands are for a checkout of kubespray whose inventory is inventory/mycluster. The variables must be in a "
    "file of group_vars/k8s_cluster that sorts after k8s-cluster.yml, which may also set them."
)
OWN_ANSIBLE = (
    "kubespray 2.31 runs with ansible-core 2.18 only, and this collection needs 2.19 or newer. Use a virtual "
    "environment for each, with the same inventory."
)
ONE_VALUE = (
    "If you have kube_kubeadm_apiserver_extra_args of your own, add the line to them. They have one value for each "
    "argument: in a running cluster, it would replace the present issuer, and tokens in use would be refused."
)
ONE_WAY = "Do not also name the issuer in kubeadm_patches: a repeated issuer keeps the API server from starting."
KEY = "The key that kubespray makes is /etc/kubernetes/ssl/sa.key on the hosts of kube_control_plane."
MERGE = (
    "If you have kubeadm_patches of your own, or one for another issuer, add the entry to your list instead of "
    "copying the file. Keep its position in the list as long as it is there: kubespray names its files by that "
    "position, and before 2.31 it does not remove those that are left behind. Such a file names the issuer again, and "
    "a repeated issuer keeps the API server from starting."
)
ADDS = (
    "A patch adds to what kubeadm renders, so the present issuers stay. It must not name an issuer that "
    "kube_kubeadm_apiserver_extra_args sets."
)
PLAYBOOK = (
    "upgrade-cluster.yml also upgrades Kubernetes if kube_version is newer than the cluster. Do not use cluster.yml: "
    "it leaves running API servers as they are or, with upgrade_cluster_setup=true, changes all of them at the same "
    "time."
)
LIVE = (
    "To change the API servers without draining nodes, copy the file of phase sign, do not run kubespray, and run "
    "role irsa_apiserver for the hosts of kube_control_plane with irsa_apiserver_distribution kubeadm and "
    "irsa_apiserver_persist none. It changes one API server at a time, proves each, and puts back what fails. "
    "kubespray then writes the same at the next upgrade and for servers that join. For the way back, run the role "
    "with irsa_apiserver_state absent, and exchange or remove the file likewise. kubespray alone is better where an "
    "upgrade is due anyway, or where nothing else may change nodes."
)
NOT_TWICE = (
    "Let only one of the two persist the issuer: with both, an upgrade renders it twice, and the API server does not "
    "start. With an irsa_apiserver_persist other than none, the role stops at a patch on the nodes that names the "
    "issuer, but it does not see one that is only in the inventory. And without kubeadm_patches, what the role "
    "persists is lost at the next upgrade: kubespray writes ClusterConfiguration from its inventory, and has kubeadm "
    "read the folder of patches only if kubeadm_patches has an entry."
)
OWN_PATCH = (
    f"The role's own patch, {API_SERVER_FILE}, stays when kubespray removes patches. To use it instead of an entry "
    "for the issuer, set irsa_apiserver_persist to patches and irsa_apiserver_patches_dir to the value of "
    "kubeadm_patches_dir (by default /etc/kubernetes/patches), keep an entry for another purpose in kubeadm_patches, "
    "and copy the file to each server before it joins."
)
LEFT_BEHIND = (
    "Before 2.31, kubespray does not remove the file of an entry that is gone. If kubeadm_patches has other entries, "
    "remove that file on each control-plane node before phase forget. It is in kubeadm_patches_dir: "
    "kube-apiserver<position in the list, from 0>+json.yaml."
)

FOR_NEW = (ONE_VALUE, ONE_WAY, KEY)
FOR_RUNNING = (MERGE, ADDS, PLAYBOOK, LIVE, NOT_TWICE, OWN_PATCH)
