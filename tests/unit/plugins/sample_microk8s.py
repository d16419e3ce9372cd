# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files with arguments of MicroK8s: as the snap brings them, and as people leave them.

https://github.com/canonical/microk8s/tree/master/microk8s-resources/default-args
"""

from __future__ import annotations

ARGS = "/var/snap/microk8s/current/args"

KUBE_APISERVER = """\
--cert-dir=${SNAP_DATA}/certs
--service-cluster-ip-range=10.152.183.0/24
--authorization-mode=RBAC,Node
--service-account-key-file=${SNAP_DATA}/certs/serviceaccount.key
--client-ca-file=${SNAP_DATA}/certs/ca.crt
--secure-port=16443
--etcd-servers="unix://${SNAP_DATA}/var/kubernetes/backend/kine.sock:12379"
--allow-privileged=true
--service-account-issuer='https://kubernetes.default.svc'
--service-account-signing-key-file=${SNAP_DATA}/certs/serviceaccount.key
--event-ttl=5m
--profiling=false

# Enable the aggregation layer
--requestheader-client-ca-file=${SNAP_DATA}/certs/front-proxy-ca.crt
--requestheader-allowed-names=front-proxy-client
#~Enable the aggregation layer
--enable-admission-plugins=EventRateLimit
--admission-control-config-file=${SNAP_DATA}/args/admission-control-config-file.yaml
"""

KUBE_CONTROLLER_MANAGER = """\
--kubeconfig=${SNAP_DATA}/credentials/controller.config
--service-account-private-key-file=${SNAP_DATA}/certs/serviceaccount.key
--root-ca-file=${SNAP_DATA}/certs/ca.crt
--use-service-account-credentials
--leader-elect-lease-duration=60s
"""

KUBELITE = """\
--scheduler-args-file=$SNAP_DATA/args/kube-scheduler
--controller-manager-args-file=$SNAP_DATA/args/kube-controller-manager
--apiserver-args-file=$SNAP_DATA/args/kube-apiserver
--start-control-plane=true
"""

KEYS = "--service-account-key-file /k/sa.key\n--service-account-signing-key-file=/k/sa.key\n"

HAND_WRITTEN = {
    "default": KUBE_APISERVER,
    "without newline": f"{KEYS}--service-account-issuer=https://kubernetes.default.svc",
    "issuer first": f"--service-account-issuer=https://kubernetes.default.svc\n{KEYS}",
    "a space": f"\n\n  --service-account-issuer https://user.example.com\n{KEYS}# the end",
    "on two lines": f"--service-account-issuer\nhttps://user.example.com\n{KEYS}\n\n",
    "several issuers": "--service-account-issuer=https://a.example.com\n# and\n"
    f'"--service-account-issuer=https://b.example.com"\n--v=2\n{KEYS}',
    "several on a line": f"--v=2 --service-account-issuer=https://a.example.com --profiling=false\n{KEYS}",
    "Windows": f"--service-account-issuer=https://a.example.com\n# x\n{KEYS}".replace("\n", "\r\n"),
    "underscores": f"--service_account_issuer=https://a.example.com\n{KEYS}",
}

# The files of a new installation, by path.
FILES = {
    f"{ARGS}/kube-apiserver": KUBE_APISERVER.encode(),
    f"{ARGS}/kube-controller-manager": KUBE_CONTROLLER_MANAGER.encode(),
    f"{ARGS}/kubelite": KUBELITE.encode(),
}
