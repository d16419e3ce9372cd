# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests of kube-apiserver: as kubeadm writes them, and as people leave them."""

from __future__ import annotations

OLD = "https://kubernetes.default.svc.cluster.local"
NEW = "https://example-irsa.s3.eu-central-1.amazonaws.com"
KID = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"

KUBEADM = f"""\
apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: 192.0.2.1:6443
  labels:
    component: kube-apiserver
    tier: control-plane
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address=192.0.2.1
    - --authorization-mode=Node,RBAC
    - --etcd-servers=https://127.0.0.1:2379
    - --requestheader-extra-headers-prefix=X-Remote-Extra-
    - --secure-port=6443
    - --service-account-issuer={OLD}
    - --service-account-key-file=/etc/kubernetes/pki/sa.pub
    - --service-account-signing-key-file=/etc/kubernetes/pki/sa.key
    - --service-cluster-ip-range=10.96.0.0/12
    - --tls-private-key-file=/etc/kubernetes/pki/apiserver.key
    image: registry.k8s.io/kube-apiserver:v1.37.2
    name: kube-apiserver
    volumeMounts:
    - mountPath: /etc/ssl/certs
      name: ca-certs
      readOnly: true
    - mountPath: /etc/kubernetes/pki
      name: k8s-certs
      readOnly: true
  hostNetwork: true
  securityContext:
    seccompProfile:
      type: RuntimeDefault
  volumes:
  - hostPath:
      path: /etc/ssl/certs
      type: DirectoryOrCreate
    name: ca-certs
  - hostPath:
      path: /etc/kubernetes/pki
      type: DirectoryOrCreate
    name: k8s-certs
status: {{}}
"""

CONTROLLER_MANAGER = """\
apiVersion: v1
kind: Pod
metadata: {name: kube-controller-manager, namespace: kube-system}
spec:
  containers:
  - command:
    - kube-controller-manager
    - --leader-elect=true
    - --service-account-private-key-file=/etc/kubernetes/pki/sa.key
    - --use-service-account-credentials=true
    name: kube-controller-manager
    volumeMounts: [{name: k8s-certs, mountPath: /etc/kubernetes/pki, readOnly: true}]
  volumes: [{name: k8s-certs, hostPath: {path: /etc/kubernetes/pki}}]
"""

_COMMENTS = f"""\
# Changed by the platform team. Ask before you touch it!
apiVersion: v1
kind: Pod
metadata: {{name: kube-apiserver, namespace: kube-system}}   # one line
spec:
  containers:
  - name: kube-apiserver
    command:   # what runs

    # the program
    - kube-apiserver
    - --v=2                      # not more: the disk is small
    # who signs
    - --service-account-issuer={OLD}   # since 2021
    # - --service-account-issuer=https://tried.example.com
    - --service-account-key-file=/etc/kubernetes/pki/sa.pub

    - --service-account-signing-key-file=/etc/kubernetes/pki/sa.key  # the same key
    # end of the flags
    image: registry.k8s.io/kube-apiserver:v1.37.2
"""

_ODD_INDENTATION = f"""\
kind: Pod
apiVersion: v1
spec:
        containers:
           -    name:      kube-apiserver
                command:
                        -   kube-apiserver
                        -   --service-account-key-file=/etc/kubernetes/pki/sa.pub
                        -   --service-account-signing-key-file=/etc/kubernetes/pki/sa.key\x20\x20\x20
                        -   --service-account-issuer={OLD}\x20\x20
                image:  x
"""

_ANCHORS = f"""\
apiVersion: v1
kind: Pod
metadata:
  labels: &labels {{component: kube-apiserver}}
  annotations: *labels
spec:
  containers:
  - name: kube-apiserver
    command:
    - kube-apiserver
    - &pub --service-account-key-file=/etc/kubernetes/pki/sa.pub
    - --service-account-issuer={OLD}
    - --service-account-signing-key-file=/etc/kubernetes/pki/sa.key
    env:
    - {{name: COPY, value: *pub}}
"""

_ARGS = f"""\
apiVersion: v1
kind: Pod
spec:
  containers:
  - name: kube-apiserver
    args:
    - --service-account-issuer={OLD}
    - --service-account-key-file=/etc/kubernetes/pki/sa.pub
    - --service-account-signing-key-file=/etc/kubernetes/pki/sa.key
    command:
    - /usr/local/bin/kube-apiserver
"""

_ARGS_ALONE = f"""\
apiVersion: v1
kind: Pod
spec:
  containers:
  - name: kube-apiserver
    args: [--service-account-issuer={OLD}, --service-account-key-file=/k/sa.pub,
      --service-account-signing-key-file=/k/sa.key]
"""

_BRACKETS = f"""\
apiVersion: v1
kind: Pod
spec:
  containers:
  - name: kube-apiserver
    command: [
      "kube-apiserver",   # the program
      "--service-account-issuer={OLD}",
      '--service-account-key-file=/etc/kubernetes/pki/sa.pub',
      # the key
      "--service-account-signing-key-file=/etc/kubernetes/pki/sa.key",
    ]
"""

_JSON = (
    '{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "kube-apiserver", "command": '
    f'["kube-apiserver","--service-account-issuer={OLD}","--service-account-key-file=/k/sa.pub",'
    '"--service-account-signing-key-file=/k/sa.key"]}]}}'
)

_QUOTES = f"""\
---
apiVersion: v1
kind: "Pod"
spec:
  containers:
  - name: 'kube-apiserver'
    command:
    - "kube-apiserver"
    - '--service-account-issuer={OLD}'
    - "--service-account-key-file=\\x2fetc/kubernetes/pki/sa.pub"
    - "--service-account-signing-key-file=/etc/kubernetes\\
       /pki/sa.key"
...
"""

_TWO_WORDS = f"""\
apiVersion: v1
kind: Pod
spec:
  containers:
  - image: registry.example.com/sidecar
    name: sidecar
    command: [sidecar, --service-account-issuer=https://other.example.com]
  - image: registry.example.com/kube-apiserver
    name: api
    command:
    - /go-runner
    - --log-file=/var/log/kube-apiserver
    - /usr/local/bin/kube-apiserver
    - --service_account_issuer
    - {OLD}
    - --api-audiences
    - {OLD},other
    - --service-account-key-file
    - /etc/kubernetes/ssl/sa.pub
    - --service-account-signing-key-file
    - /etc/kubernetes/ssl/sa.key
"""

_MORE_ISSUERS = f"""\
apiVersion: v1
kind: Pod
spec:
  containers:
  - name: kube-apiserver
    command:
    - kube-apiserver
    - --service-account-issuer={OLD}
    - --service-account-key-file=/etc/kubernetes/pki/sa.pub
    - --api-audiences=https://a.example.com,https://b.example.com
    - --service-account-issuer=https://older.example.com
    - --service-account-signing-key-file=/etc/kubernetes/pki/sa.key
    - --service-account-key-file=/etc/kubernetes/pki/older.pub
"""

# All of them run with the same issuer, OLD, first.
HAND_WRITTEN: dict[str, bytes] = {
    "kubeadm": KUBEADM.encode(),
    "comments": _COMMENTS.encode(),
    "odd indentation": _ODD_INDENTATION.encode(),
    "anchors": _ANCHORS.encode(),
    "flags in args": _ARGS.encode(),
    "args alone": _ARGS_ALONE.encode(),
    "brackets": _BRACKETS.encode(),
    "JSON": _JSON.encode(),
    "quotes": _QUOTES.encode(),
    "flags of two words": _TWO_WORDS.encode(),
    "more issuers and audiences": _MORE_ISSUERS.encode(),
    "CRLF": KUBEADM.replace("\n", "\r\n").encode(),
    "no final line break": _MORE_ISSUERS.rstrip().encode(),
    "a byte order mark": b"\xef\xbb\xbf" + _COMMENTS.encode(),
}
