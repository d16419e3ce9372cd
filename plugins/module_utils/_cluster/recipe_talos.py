# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Talos: patches of the machine configuration. It has no shell, so nothing is changed there by other means.

What a version can be told:

- up to 1.12, an argument has one value, and it replaces Talos' own:
  https://docs.siderolabs.com/talos/v1.12/reference/configuration/v1alpha1/config
- 1.13, an argument may have a list of values, which replaces Talos' own and that of a former patch
- 1.14, document KubeServiceAccountConfig:
  https://docs.siderolabs.com/talos/v1.14/reference/configuration/kubernetes/kubeserviceaccountconfig
  A machine configuration that an older version generated goes on with the arguments of 1.13.

A patch is merged into what is there, so the private key that is in a document need not be in its patch, and lists
become longer: https://docs.siderolabs.com/talos/v1.14/configure-your-talos-cluster/system-configuration/patching
"""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN
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
    block,
    file_name,
    issuers,
    require_minor,
    require_present,
    string,
    strings,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

_WITH_LISTS = (1, 13)
_WITH_DOCUMENT = (1, 14)

_RESTARTS = (
    "kube-apiserver on this node restarts, without a reboot. Go on with the next control-plane node when it is ready "
    "again."
)
# Both flags are among those that Talos merges nothing into (argsbuilder.MergeDenied):
# https://github.com/siderolabs/talos/blob/v1.13.9/internal/app/machined/pkg/controllers/k8s/control_plane_static_pod.go
_ONE_KEY = (
    "Up to 1.13, Talos has one key for service accounts, and refuses the flags of kube-apiserver for key files, so all "
    "tokens of running pods would be refused when it changes."
)
_ARGUMENTS_WIN = (
    "If document KubeAPIServerConfig has service-account-issuer in its extraArgs, that wins over document "
    "KubeServiceAccountConfig. Remove it there in the same change."
)
_NEW_NODES = (
    "A control-plane node that is added later needs the last patch in its machine configuration, too. Keep "
    "cluster.controlPlane.endpoint as it is: it is the issuer of a node without the patch."
)
_OLD_CONFIGURATION = (
    "In a machine configuration that Talos 1.13 or older generated, the key is in .cluster.serviceAccount. Use the "
    "files with v1alpha1 in their names there. Talos refuses the wrong ones, and changes nothing then."
)
_NO_PUBLIC_KEYS = (
    "Talos accepts no further public keys before 1.14, so irsa_apiserver_accepted_public_keys has no effect."
)
_BREAKS = (
    "With each of these patches, the API servers refuse all tokens that pods have at that moment. Restart all pods "
    "afterwards, those of the control plane first."
)


def cook(request: Request, phases: t.Sequence[str]) -> Recipe:
    """Return the patches of these phases. Raises IrsaError for a version that cannot do it."""
    minor = require_minor(request, "Talos", "1.13.2")
    is_running = any(phase in RUNNING for phase in phases)
    require_present(request, phases, "Talos")
    if minor < _WITH_DOCUMENT and is_running:
        refuse_own_key(request, f"Talos {request.version}", _ONE_KEY)
    if minor < _WITH_LISTS and is_running:
        return _replaced_at_once(request, phases)
    if minor >= _WITH_DOCUMENT and request.private_key and SIGN in phases and not request.public_keys:
        raise IrsaError(_no_former_key())
    parts = tuple(_part(request, phase, has_document=minor >= _WITH_DOCUMENT) for phase in phases)
    has_both = minor >= _WITH_DOCUMENT and is_running and request.private_key is None
    notes = [
        *([_OLD_CONFIGURATION] if has_both else []),
        *([_ARGUMENTS_WIN] if minor >= _WITH_DOCUMENT and is_running else []),
        *([_NEW_NODES] if is_running else []),
    ]
    is_unused = request.public_keys and minor < _WITH_DOCUMENT
    return Recipe(parts=parts, notes=tuple(notes), warnings=(_NO_PUBLIC_KEYS,) if is_unused else ())


def _replaced_at_once(request: Request, phases: t.Sequence[str]) -> Recipe:
    """Return the patches for a version that knows one issuer. Raises IrsaError unless that is forced."""
    if not request.force:
        raise IrsaError(
            f"Talos {request.version} gives kube-apiserver one --service-account-issuer, which replaces the one of "
            "today, so all tokens of running pods would be refused at once. Upgrade to Talos 1.13 or newer, where it "
            "may be a list. irsa_apiserver_force overrules this."
        )
    signing = [phase for phase in phases if phase not in (ACCEPT, FORGET)]
    if not signing:
        raise IrsaError(
            f"Talos {request.version} cannot accept an issuer that it does not sign with, so there is no phase "
            f"{quoted(phases[0])}. Upgrade to Talos 1.13 or newer."
        )
    parts = tuple(_part(request, phase) for phase in signing)
    return Recipe(parts=parts, notes=(_NEW_NODES,), warnings=(_BREAKS,))


def _part(request: Request, phase: str, *, has_document: bool = False) -> Part:
    own = issuers(request, phase)
    name, is_secret = file_name(phase), _has_private_key(request, phase)
    text = _document(request, phase, own) if has_document else _arguments(request, phase, own)
    found = [RecipeFile(name=name, text=text, is_secret=is_secret)]
    if phase == NEW:
        return Part(phase=phase, files=tuple(found), commands=(_generate(request, name),))
    if has_document and not request.private_key:
        old = file_name(phase, "-v1alpha1")
        found.append(RecipeFile(name=old, text=_arguments(request, phase, own)))
    return Part(
        phase=phase,
        files=tuple(found),
        commands=(
            f"talosctl patch machineconfig --nodes NODE --mode no-reboot --patch @{name}",
            "talosctl get staticpodstatus --nodes NODE",
        ),
        restarts=_RESTARTS,
    )


def _generate(request: Request, name: str) -> str:
    return f"talosctl gen config {request.cluster_name or 'CLUSTER'} ENDPOINT --config-patch-control-plane @{name}"


def _has_private_key(request: Request, phase: str) -> bool:
    return request.private_key is not None and phase in (NEW, SIGN)


def _arguments(request: Request, phase: str, own: t.Sequence[str]) -> str:
    """Return the patch of the arguments. A new cluster may have any key."""
    has_lists = require_minor(request, "Talos", "1.13.2") >= _WITH_LISTS
    lines = [
        "cluster:",
        "  apiServer:",
        "    extraArgs:",
        f"      service-account-issuer: {strings(own) if has_lists else string(own[0])}",
    ]
    if _has_private_key(request, phase):
        key = base64.b64encode(str(request.private_key).encode()).decode()
        lines += ["  serviceAccount:", f"    key: {key}"]
    return "\n".join([*lines, ""])


def _document(request: Request, phase: str, own: t.Sequence[str]) -> str:
    """Return the patch of the document: first what empties its lists, since it would only make them longer."""
    head = ["apiVersion: v1alpha1", "kind: KubeServiceAccountConfig"]
    lines = [*head, "issuer:", f"  issuerURL: {string(own[0])}"]
    if _has_private_key(request, phase):
        lines.append(f"  privateKey: {block(str(request.private_key), 4)}")
    keys = _public_keys(request, phase)
    accepted = [f"  issuers: {strings(own[1:])}"] if own[1:] else []
    if phase == ACCEPT:
        # What pods have as audience today: without a list, Talos takes the issuer.
        accepted.append(f"  audiences: {strings(issuers(request, FORGET))}")
    if keys:
        accepted += ["  publicKeys:", *(f"    - {block(key, 6)}" for key in keys)]
    lines += ["accepted:", *accepted] if accepted else []
    if phase == NEW:
        return "\n".join([*lines, ""])
    emptied = ["issuers", *(["publicKeys"] if keys else [])]
    empty = [line for name in emptied for line in (f"  {name}:", "    $patch: delete")]
    return "\n".join([*head, "accepted:", *empty, "---", *lines, ""])


def _public_keys(request: Request, phase: str) -> tuple[str, ...]:
    """Return the keys to accept besides the one that signs; none if they are not touched."""
    if phase == ACCEPT and request.private_key is not None:
        return (*request.public_keys, str(request.public_key))
    return request.public_keys if phase in (NEW, ACCEPT, SIGN) else ()


def _no_former_key() -> str:
    return (
        "irsa_apiserver_key is own, so the key that signs today must be accepted after it: otherwise all tokens of "
        "running pods would be refused. Set irsa_apiserver_accepted_public_keys to the path of a file with its public "
        "part. `talosctl read /system/secrets/kubernetes/kube-apiserver/service-account.pub --nodes NODE` prints it."
    )
