# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenShift: its operator is told the issuer, and does the rest. It trusts the former one for 24 hours more:

https://docs.redhat.com/en/documentation/openshift_container_platform/4.21/html/authentication_and_authorization/bound-service-account-tokens
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import (
    NEW,
    Part,
    Recipe,
    RecipeFile,
    Request,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_limits import refuse_own_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_rules import (
    RUNNING,
    file_name,
    is_older,
    issuers,
    string,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

# Some older versions trust the former issuer only in their latest releases (OCPBUGS-2158), and others never.
_OLDEST = (4, 12)
# The installer takes this file for the Authentication of the cluster, and this one for the key, as those of ccoctl:
# https://github.com/openshift/cloud-credential-operator/blob/master/docs/ccoctl.md
_MANIFEST = "cluster-authentication-02-config.yaml"
_KEY = "tls/bound-service-account-signing-key.key"

_RESTARTS = (
    "The operator restarts the API servers, one after the other. It is done when the second command prints "
    "AllNodesAtLatestRevision."
)
_TRUSTED = (
    "OpenShift trusts the former issuer for 24 hours, and signs for the new one from the first restart on. Within "
    "these hours, restart pods whose programs read their token only once."
)
_NOT_TOGETHER = (
    "An API server that is yet to restart does not accept the tokens of those that have, so some calls of pods may be "
    "refused for some minutes."
)
_ONE_KEY = (
    "The operator makes the key of a running cluster: Secret bound-service-account-signing-key in namespace "
    "openshift-kube-apiserver-operator."
)


def cook(request: Request, phases: t.Sequence[str]) -> Recipe:
    """Return the patches of these phases. Raises IrsaError."""
    if is_older(request, _OLDEST, "4.20") and any(phase in RUNNING for phase in phases) and not request.force:
        raise IrsaError(
            f"OpenShift {request.version} may not trust the former issuer, so all tokens of running pods would be "
            "refused at once. Upgrade to OpenShift 4.12 or newer. irsa_apiserver_force overrules this."
        )
    if any(phase in RUNNING for phase in phases):
        refuse_own_key(request, "a running cluster of OpenShift", _ONE_KEY)
    if list(phases) == [ACCEPT]:
        raise IrsaError(
            "OpenShift cannot accept an issuer that it does not sign with, so it has no phase accept. Set "
            "irsa_apiserver_phase to sign or auto: OpenShift itself trusts the former issuer for 24 hours."
        )
    parts = tuple(_part(request, phase) for phase in phases if phase != ACCEPT)
    changes = bool({SIGN, SIGN_BACK}.intersection(phases))
    return Recipe(parts=parts, notes=(_TRUSTED,) if changes else (), warnings=(_NOT_TOGETHER,) if changes else ())


def _part(request: Request, phase: str) -> Part:
    if phase == NEW:
        return _new(request)
    if phase == FORGET:
        return Part(phase=phase, restarts="OpenShift forgets the issuer by itself, 24 hours after it signed with it.")
    # Without a value, it signs for https://kubernetes.default.svc.
    signing = request.issuer if phase == SIGN else next(iter(issuers(request, FORGET)), "")
    file = RecipeFile(name=file_name(phase), text=f"spec:\n  serviceAccountIssuer: {string(signing)}\n")
    ready = """'{.status.conditions[?(@.type=="NodeInstallerProgressing")].reason}{"\\n"}'"""
    return Part(
        phase=phase,
        files=(file,),
        commands=(
            f"oc patch authentication cluster --type merge --patch-file {file.name}",
            f"oc get kubeapiserver cluster --output jsonpath={ready}",
        ),
        restarts=_RESTARTS,
    )


def _new(request: Request) -> Part:
    text = f"""\
apiVersion: config.openshift.io/v1
kind: Authentication
metadata:
  name: cluster
spec:
  serviceAccountIssuer: {string(request.issuer)}
"""
    if request.private_key and "-----BEGIN EC PRIVATE KEY-----" in request.private_key:
        raise IrsaError(
            "irsa_apiserver_key is own, but the installer of OpenShift reads RSA keys only, and this is an ECDSA key. "
            "Set irsa_issuer_key_type to RSA for a new issuer, or set irsa_apiserver_key to adopt."
        )
    key_use, key_commands = "", ()
    if request.private_key:
        key_use = " KEY is the issuer's private key, which the installer reads in the form PKCS#1 only."
        key_commands = (
            "mkdir -p INSTALLATION/tls",
            f"openssl pkey -traditional -in KEY -out INSTALLATION/{_KEY}",
        )
    return Part(
        phase=NEW,
        files=(RecipeFile(name=_MANIFEST, text=text),),
        commands=(
            "openshift-install create manifests --dir INSTALLATION",
            f"cp {_MANIFEST} INSTALLATION/manifests/",
            *key_commands,
            "openshift-install create cluster --dir INSTALLATION",
        ),
        use=f"INSTALLATION is the folder of the installer.{key_use}",
    )
