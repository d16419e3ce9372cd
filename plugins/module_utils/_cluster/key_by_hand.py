# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the signing key is changed by hand where it is not on hosts that Ansible works on, or which phase cannot be done.

Phases are called as role irsa_rotate calls them. Sources:

- Talos: recipe_talos
- Cluster API, AsFiles writes tls.crt and tls.key of the Secret as sa.pub and sa.key of each new machine:
  https://github.com/kubernetes-sigs/cluster-api/blob/main/util/secret/certificates.go
- OpenShift, the operator promotes a key when all API servers have its public half:
  https://github.com/openshift/cluster-kube-apiserver-operator/tree/master/pkg/operator/boundsatokensignercontroller
- kOps: https://kops.sigs.k8s.io/operations/rotate-secrets/
- Gardener: https://gardener.cloud/docs/gardener/shoot-operations/shoot_credentials_rotation/
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_rules import version_numbers

_TALOS_WITH_KEYS = (1, 14)

# What has to be done at the JWKS around all of it, where the API servers serve what they accept.
_PUBLISHED = (
    (
        "After accept, publish what the API servers serve, the new key included: run playbook "
        "selfhosted.irsa.provision with irsa_issuer_from_cluster and irsa_kubeconfig."
    ),
    (
        "Begin sign when that is as long ago as a relying party may keep the JWKS: an hour (irsa_rotate_cache_seconds) "
        "or longer."
    ),
    (
        "Begin to retire the old key a day (irsa_rotate_token_seconds) after the last server signs with the new one, "
        "when no Secret of type kubernetes.io/service-account-token has a token of the old key, and the counter "
        "serviceaccount_stale_tokens_total has not grown on any server for an hour. After it, run the same playbook "
        "with irsa_issuer_purge_keys, too."
    ),
)
_GIVEN = (
    "Publish the public half of the new key first: put it into irsa_issuer_extra_jwks, and run playbook "
    "selfhosted.irsa.provision. Go on when that is as long ago as a relying party may keep the JWKS: an hour "
    "(irsa_rotate_cache_seconds) or longer."
)

_TALOS_ONE_KEY = (
    (
        "On Talos up to 1.13, accept cannot be done: it has one key for service accounts, and refuses the flags of "
        "kube-apiserver for key files. Another key in cluster.serviceAccount.key has all tokens refused that pods have."
    ),
    "Upgrade to Talos 1.14, whose document KubeServiceAccountConfig has keys to accept besides the one that signs.",
)
_TALOS = (
    (
        "On Talos from 1.14 on, the document KubeServiceAccountConfig has issuer.privateKey, which signs, and "
        "accepted.publicKeys. Role irsa_apiserver writes the patches for accept and sign: set irsa_apiserver_key to "
        "own, irsa_apiserver_key_path to the new key, and irsa_apiserver_accepted_public_keys to the public half of "
        "the present one. To retire that, delete it from accepted.publicKeys on each node."
    ),
    *_PUBLISHED,
)
_CLUSTER_API = (
    (
        "Cluster API gives each new machine of the control plane the Secret CLUSTER-sa: tls.key as sa.key, and tls.crt "
        "as sa.pub, which may have several public keys. Change the Secret, and replace all machines of the control "
        "plane with `clusterctl alpha rollout restart kubeadmcontrolplane/NAME`, in each phase. accept: tls.crt has "
        "the present public key and then the new one. sign: tls.key is the new key, and tls.crt has it first. To "
        "retire the old key: tls.crt has the new one alone."
    ),
    *_PUBLISHED,
)
_OPENSHIFT = (
    (
        "OpenShift's operator does accept and then sign by itself, as soon as another RSA key is in Secret "
        "next-bound-service-account-signing-key in namespace openshift-kube-apiserver-operator (service-account.key "
        "and service-account.pub). With a key that the operator makes, sign cannot wait until the key is published, so "
        "tokens are refused: make the key yourself."
    ),
    _GIVEN,
    (
        "The old public key stays in ConfigMap bound-sa-token-signing-certs in namespace openshift-kube-apiserver. "
        "Delete it there a day (irsa_rotate_token_seconds) after the last server signs with the new key."
    ),
)
_KOPS = (
    (
        "kOps has a command for each phase: `kops create keypair service-account` for accept, `kops promote keypair "
        "service-account` for sign, and `kops distrust keypair service-account` to retire the old key. After each, run "
        "`kops update cluster --yes` and `kops rolling-update cluster --instance-group-roles control-plane,apiserver "
        "--yes`."
    ),
    *_PUBLISHED,
)
_GARDENER = (
    (
        "Gardener makes the key, has it accepted and signs with it in one operation, so sign cannot wait until the key "
        "is published: AWS refuses new tokens until then. It also replaces all worker nodes."
    ),
    (
        "Annotate the Shoot with gardener.cloud/operation=rotate-serviceaccount-key-start, and run playbook "
        "selfhosted.irsa.provision with irsa_issuer_from_cluster and irsa_kubeconfig again and again until it has "
        "published a key. Complete it a day later with rotate-serviceaccount-key-complete, and run the playbook with "
        "irsa_issuer_purge_keys, too."
    ),
)
_GENERIC = (
    (
        "Change the flags of each API server, one after the other, in each phase. accept: one more "
        "--service-account-key-file, with the new public key, on all of them. sign: --service-account-signing-key-file "
        "is the new key; and so is --service-account-private-key-file of kube-controller-manager. To retire the old "
        "key: its --service-account-key-file goes."
    ),
    *_PUBLISHED,
)
_LOCAL = ("Make the cluster again: it gets another key.",)
_KUBESPRAY = (
    (
        "The nodes of kubespray are nodes of kubeadm, whose key this playbook does change: run it with "
        "irsa_apiserver_distribution: auto, for the hosts of the group kube_control_plane."
    ),
)

_HANDS: t.Mapping[str, tuple[str, ...]] = {
    "kubespray": _KUBESPRAY,
    "cluster_api": _CLUSTER_API,
    "openshift": _OPENSHIFT,
    "kops": _KOPS,
    "gardener": _GARDENER,
    **dict.fromkeys(("kind", "k3d", "minikube"), _LOCAL),
    "generic": _GENERIC,
}


def sentences(distribution: str, version: str | None) -> tuple[str, ...]:
    """Return how it is done, given a distribution that has a recipe. Raises IrsaError for what is no version."""
    if distribution != "talos":
        return _HANDS[distribution]
    numbers = version_numbers(version, "1.14.0")
    if not numbers:
        return (*_TALOS_ONE_KEY, *_TALOS)
    return _TALOS if numbers[:2] >= _TALOS_WITH_KEYS else _TALOS_ONE_KEY
