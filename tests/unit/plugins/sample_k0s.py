# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configurations of k0s: as ``k0s config create`` prints them, and as people leave them."""

from __future__ import annotations

# https://docs.k0sproject.io/stable/configuration/#configuration-file-reference
CREATED = """\
apiVersion: k0s.k0sproject.io/v1beta1
kind: ClusterConfig
metadata:
  name: k0s
spec:
  api:
    address: 192.0.2.1
    k0sApiPort: 9443
    port: 6443
    ca:
      expiresAfter: 87600h
      certificatesExpireAfter: 8760h
  controllerManager: {}
  extensions:
    helm:
      concurrencyLevel: 5
  installConfig:
    users:
      etcdUser: etcd
      kubeAPIserverUser: kube-apiserver
  network:
    clusterDomain: cluster.local
    podCIDR: 10.244.0.0/16
    provider: kuberouter
    serviceCIDR: 10.96.0.0/12
  scheduler: {}
  storage:
    etcd:
      peerAddress: 192.0.2.1
    type: etcd
  telemetry:
    enabled: true
"""

BY_K0SCTL = f"# generated-by-k0sctl 2026-01-02T03:04:05Z\n{CREATED}"

HAND_WRITTEN = {
    "created": CREATED,
    "minimal": "apiVersion: k0s.k0sproject.io/v1beta1\nkind: ClusterConfig\n",
    "without newline": "apiVersion: k0s.k0sproject.io/v1beta1\nkind: ClusterConfig\nspec:\n  api:\n    port: 6443",
    "only a comment": "# nothing is set\n",
    "a comment without newline": "# nothing is set",
    "empty": "",
    "null sections": "spec:\n  api:  # later\n  controllerManager:\n  # the end\n",
    "empty arguments": "spec:\n  api:\n    extraArgs: {}\n    rawArgs: [ ]\n  controllerManager:\n    rawArgs:\n",
    "comments": """\
# k0s of the lab
spec:
  # the API server
  api:
    # one of its addresses
    address: "192.0.2.1"   # not the load balancer's
    sans:
    - k0s.example.com
    # - k0s.example.org
  storage: {type: etcd}   # for now
# the end
""",
    "arguments of the user": """\
kind: ClusterConfig
spec:
  api:
    extraArgs:
      # quiet
      v: "1"
      service-account-issuer: 'https://user.example.com'  # since 2024
      oidc-issuer-url: https://login.example.com
    rawArgs:
    - --v=3
    - "--service-account-issuer=https://older.example.com"  # tokens of the old cluster
    - --event-ttl
    - 2h
  controllerManager:
    extraArgs: {terminated-pod-gc-threshold: "10"}
""",
    "the default in words": """\
spec:
  api:
    extraArgs:
      service-account-issuer: https://kubernetes.default.svc
""",
    "a plain word": "spec:\n  api:\n    extraArgs:\n      service-account-issuer: api\n",
    "two words": """\
spec:
  api:
    rawArgs:
      - --service-account-issuer
      - https://user.example.com
      - --v=2
""",
    "braces": """\
spec: {api: {address: 192.0.2.1, extraArgs: {v: "2"}, rawArgs: ["--v=3", '--event-ttl=2h']}, telemetry: {}}
""",
    "braces without arguments": "spec: {api: {}, controllerManager: {}, scheduler: {}}\n",
    "over lines": """\
spec:
  api:
    rawArgs: [
      --v=3,
      --event-ttl=2h,
    ]
""",
    "a block at the end": """\
spec:
  telemetry: {enabled: false}
  extensions:
    helm:
      charts:
      - name: app
        values: |
          a: b
          # c
""",
    "only blocks": "spec:\n  extensions:\n    helm:\n      charts:\n      - values: |\n          a: b\n",
    "anchors elsewhere": """\
metadata: {name: &name k0s}
spec:
  api:
    externalAddress: *name
    sans: &names [a, b]
  storage:
    etcd: {extraArgs: {}}
""",
    "wide": """\
spec:
    api:
        sans:
            - a
    controllerManager:
        extraArgs:
            v: '3'
""",
}
