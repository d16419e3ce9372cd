# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role irsa_apiserver makes for a distribution that it does not change itself: files and commands."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import issuer_flags, model
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import NEW, Part, Recipe, Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipes import RECIPES
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, signing_key
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _apiserver_plan, _issuer_key, _recipe_files

Options = t.Mapping[str, t.Any]

# What the role changes itself, then what it has a recipe for.
DISTRIBUTIONS = (
    *("auto", "kubeadm", "k3s", "rke2", "k0s", "microk8s"),
    *("talos", "kubespray", "cluster_api", "openshift", "kops", "gardener", "kind", "k3d", "minikube", "generic"),
)
# The options of the action that say what a recipe is for.
SPEC_OF_RECIPES: dict[str, dict[str, t.Any]] = {
    "distribution": {"type": "str", "choices": list(DISTRIBUTIONS), "default": "auto"},
    # YAML takes 1.10 for the number 1.1, so it must be known whether it was a number.
    "distribution_version": {"type": "raw"},
    "cluster_name": {"type": "str"},
    "output_dir": {"type": "path"},
}

# The role's phase that only reads, of which there is nothing here.
_READ = "read"
_PHASES: dict[str, tuple[str, ...]] = {
    model.AUTO: (model.ACCEPT, model.SIGN),
    model.ACCEPT: (model.ACCEPT,),
    model.SIGN: (model.SIGN,),
    NEW: (NEW,),
}
_PHASES_BACK = (model.SIGN_BACK, model.FORGET)

# What does not read every key in PKCS#8: Talos before 1.11, and the installer of OpenShift.
# https://github.com/siderolabs/crypto/blob/v0.5.1/x509/x509.go
# https://github.com/openshift/installer/blob/master/pkg/asset/tls/boundsasigningkey.go
_TRADITIONAL = ("talos", "openshift")

# It stands in commands, in names of files and in manifests.
_CLUSTER_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def recipe_operation(options: Options, *, check_mode: bool) -> t.Callable[[], dict[str, t.Any]] | None:
    """Return what carries out an operation of the action; None if that is for the API servers' hosts. May raise
    IrsaError when it is called.
    """
    if options["distribution"] not in RECIPES:
        return (lambda: _refuse_new(options["distribution"])) if options["phase"] == NEW else None
    if options["operation"] == "read":
        return lambda: {"reading": {}}
    return lambda: _plan(options, check_mode=check_mode)


def _refuse_new(distribution: str) -> t.NoReturn:
    raise IrsaError(
        "irsa_apiserver_phase is new, which is for distributions that the role does not change itself, but "
        f"irsa_apiserver_distribution is {distribution}. Set that to what creates the cluster. For a new cluster of "
        "kubeadm, k3s, RKE2, k0s or MicroK8s, docs/distributions says where the issuer goes; once it runs, the role "
        "can change it with irsa_apiserver_phase auto."
    )


def _plan(options: Options, *, check_mode: bool) -> dict[str, t.Any]:
    """Make the recipe, write its files if a folder is given, and return the result of the task. Raises IrsaError."""
    if options["phase"] == _READ:
        return {"steps": [], "summary": "", "next": [], "results": {}, "warnings": []}
    request, phases = _request(options, check_mode=check_mode), _phases(options)
    recipe = RECIPES[options["distribution"]](request, phases)
    written = _written(recipe, options["output_dir"], check_mode=check_mode)
    following = list(_next(recipe, options))
    warnings = [*recipe.warnings, *_unused(options), *_apiserver_plan.issuer_warnings(options)]
    entry = {
        "distribution": options["distribution"],
        "managed": False,
        "files": written["files"],
        "recipe": [_part(part) for part in recipe.parts],
        "next": following,
        "warnings": warnings,
        "actions": written["actions"],
        "changed": written["changed"],
    }
    return {
        "steps": [],
        "summary": "",
        "next": following,
        "results": {options["distribution"]: entry},
        "warnings": warnings,
        **{name: written[name] for name in ("changed", "actions", "diff")},
    }


def _phases(options: Options) -> tuple[str, ...]:
    return _PHASES_BACK if options["state"] == model.ABSENT else _PHASES[options["phase"]]


def _request(options: Options, *, check_mode: bool) -> Request:
    if not options["issuer"]:
        raise IrsaError("Set irsa_apiserver_issuer to the issuer URL, or run role irsa_issuer before.")
    _apiserver_plan.check_issuers(options)
    present = tuple(dict.fromkeys([*options["former_issuers"], *options["accepted_issuers"]]))
    for issuer in (options["issuer"], *present):
        if not issuer_flags.is_issuer(issuer):
            raise IrsaError(f"No API server starts with the issuer {quoted(issuer)}. Expected a URL.")
    name = options["cluster_name"]
    if name and not _CLUSTER_NAME.fullmatch(name):
        raise IrsaError(
            f"irsa_apiserver_cluster_name is {quoted(name)}. Expected letters, digits, dots and dashes, as in the name "
            "of a cluster."
        )
    own = None
    if options["key"] == "own" and options["state"] == model.PRESENT:
        # Role irsa_issuer creates no key in check mode.
        is_planned = check_mode and options["key_is_new"]
        own = (key_facts.NOT_CREATED, key_facts.NOT_CREATED) if is_planned else _own_key(options)
    return Request(
        issuer=options["issuer"],
        present_issuers=present,
        version=version_of(options["distribution_version"]),
        cluster_name=name,
        private_key=own and own[0],
        public_key=own and own[1],
        public_keys=tuple(map(_public_key, options["accepted_public_keys"])),
        force=options["force"],
    )


def version_of(given: t.Any) -> str | None:
    """Return the version as text; None if it is not set. Raises IrsaError for a number that has lost its zero."""
    if isinstance(given, float) and len(str(given).partition(".")[2]) == 1:
        raise IrsaError(
            f"irsa_apiserver_distribution_version is the number {given}, which YAML also makes of {given}0. Write the "
            "version in quotes."
        )
    return None if given is None else str(given)


def _own_key(options: Options) -> tuple[str, str]:
    """Return the issuer's own key in PEM, and its public part. Raises IrsaError."""
    path = options["key_path"]
    key = _issuer_key.read(path, options["kid"]) if path else None
    if key is None:
        raise IrsaError(
            "With irsa_apiserver_key=own, set irsa_apiserver_key_path to the path of the issuer's private key on the "
            f"controller. {f'There is no {files.shown(path)}.' if path else 'It is not set.'}"
        )
    key_format = "traditional" if options["distribution"] in _TRADITIONAL else key.format
    return signing_key.private_pem(key.key, key_format).decode(), key_facts.public_pem(key.public_key)


def _public_key(path: str) -> str:
    content = files.read(path)
    if content is None:
        raise IrsaError(f"irsa_apiserver_accepted_public_keys: {files.shown(path)} does not exist on the controller.")
    try:
        found = signing_key.load_public_keys(content)
    except Fault as fault:
        raise IrsaError(f"irsa_apiserver_accepted_public_keys: {files.shown(path)} cannot be used: {fault}.") from None
    return "".join(map(key_facts.public_pem, found))


def _written(recipe: Recipe, folder: str | None, *, check_mode: bool) -> dict[str, t.Any]:
    """Write the files, if there is a folder for them. Raises IrsaError for a private key without one."""
    found = [file for part in recipe.parts for file in part.files]
    if folder:
        return _recipe_files.write(folder, found, check_mode=check_mode)
    secret = next((file.name for file in found if file.is_secret), None)
    if secret:
        raise IrsaError(
            f"The private key is in the file {secret}, which is not printed. Set irsa_apiserver_output_dir to the "
            "folder on the controller in which it is to be written."
        )
    return {"files": [], "changed": False, "actions": [], "diff": []}


def _part(part: Part) -> dict[str, t.Any]:
    return {
        "phase": part.phase,
        "files": [{"name": file.name, "text": None if file.is_secret else file.text} for file in part.files],
        "use": part.use,
        "commands": list(part.commands),
        "restarts": part.restarts,
    }


def _next(recipe: Recipe, options: Options) -> t.Iterator[str]:
    """Yield what must be known of the order of the phases, and the recipe's notes."""
    phases, issuer = [part.phase for part in recipe.parts], options["issuer"]
    if phases == [model.ACCEPT]:
        yield "When every API server accepts the issuer, run this again with irsa_apiserver_phase sign."
    if {model.ACCEPT, model.SIGN} <= set(phases):
        yield (
            "Begin with sign when every API server has done accept: otherwise those that lag behind refuse the tokens "
            "of the others."
        )
    if model.SIGN in phases:
        yield (
            f"Whatever trusts this cluster's tokens by the present issuer must trust {quoted(issuer)}, too: Vault, "
            "other clusters and clouds, service meshes."
        )
    if NEW in phases and options["key"] == "adopt":
        yield (
            "When the cluster runs, publish the key that it signs with: run playbook selfhosted.irsa.provision with "
            "irsa_issuer_from_cluster and irsa_kubeconfig."
        )
    if any(part.phase == model.FORGET and (part.files or part.commands) for part in recipe.parts):
        yield (
            f"Begin with forget {options['forget_after']} seconds (irsa_apiserver_forget_after) after the last API "
            f"server has done sign_back: until then, pods have tokens of {quoted(issuer)}."
        )
    yield from recipe.notes


def _unused(options: Options) -> t.Iterator[str]:
    """Yield that a variable has no effect."""
    if options["accepted_public_keys"] and options["distribution"] != "talos":
        yield (
            "irsa_apiserver_accepted_public_keys has no effect with irsa_apiserver_distribution "
            f"{options['distribution']}, which goes on with the keys that it has."
        )
