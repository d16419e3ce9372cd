# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables of playbook enable must be together, before any of its roles runs.

Each role checks its own variables; the playbook runs all of them in check mode before it changes anything.
"""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipes import RECIPES
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted, shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_sets
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _play_hosts
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._play_hosts import Hosts

# Everything that the playbook itself reads, the roles' variables included.
NAMES = (
    *(
        "irsa_kubeconfig",
        "irsa_kube_context",
        "irsa_manifests_path",
        "irsa_service_accounts_list",
        "irsa_injection_method",
    ),
    *(
        "irsa_apiserver_distribution",
        "irsa_apiserver_key",
        "irsa_apiserver_state",
        "irsa_injection_state",
        "irsa_issuer_state",
    ),
    *("irsa_issuer_key_path", "irsa_issuer_ca_path", "irsa_issuer_extra_jwks", "irsa_apiserver_key_path"),
    *("irsa_issuer_from_cluster", "irsa_issuer_purge_keys"),
)
# What can be done if Ansible reaches no host.
_WITHOUT_HOSTS = (
    "If Ansible cannot reach them, set irsa_kubeconfig; the run then prints what has to be done on each of them."
)
_STATES = ("irsa_issuer_state", "irsa_apiserver_state", "irsa_injection_state")

Variables = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Enabling:
    """How the playbook goes about a cluster.

    ``has_hosts`` says whether API servers are changed, rather than only told about; ``has_recipe`` whether role
    irsa_apiserver says how, since it does not change those of the distribution itself; ``adopts`` whether the cluster's
    own keys are published; ``from_cluster`` whether they are read through the kubeconfig. ``own_key_path`` is the key
    that is installed otherwise, as it was set; empty when the cluster's key is adopted. The other paths are absolute;
    None for those that are not set.
    """

    has_hosts: bool
    has_recipe: bool
    adopts: bool
    from_cluster: bool
    kubeconfig: str | None
    kube_context: str | None
    ca_path: str | None
    own_key_path: str
    extra_jwks: t.Sequence[t.Any]


def read(variables: Variables, *, hosts: Hosts, folder: str) -> Enabling:
    """Check the variables, and return what follows from them. Raises IrsaError, which lists everything that is wrong.

    ``variables`` are the values of those in NAMES that are set. Relative paths start from ``folder``.
    """
    has_recipe = variables.get("irsa_apiserver_distribution") in RECIPES
    has_hosts = bool(hosts.matching) and not has_recipe
    adopts = variables.get("irsa_apiserver_key") != "own"
    kubeconfig = kubeconfig_path(variables, folder)
    found = [
        *_play_hosts.problems(hosts, instead=_WITHOUT_HOSTS, needs_hosts=kubeconfig is None),
        *_cluster_problems(variables, kubeconfig),
        *_recipe_problems(variables, has_recipe=has_recipe, has_kubeconfig=kubeconfig is not None),
        *_key_problems(variables, adopts=adopts, has_hosts=has_hosts or has_recipe),
        *_state_problems(variables),
    ]
    if found:
        intro = "The playbook selfhosted.irsa.enable cannot begin; nothing was changed."
        raise IrsaError("\n- ".join([intro, *map(shown, found)]))
    return Enabling(
        has_hosts=has_hosts,
        has_recipe=has_recipe,
        adopts=adopts,
        from_cluster=_is_on(variables, "irsa_issuer_from_cluster") or (adopts and not has_hosts),
        kubeconfig=kubeconfig,
        kube_context=variables.get("irsa_kube_context") or None,
        ca_path=_absolute(variables.get("irsa_issuer_ca_path"), folder),
        own_key_path=""
        if adopts
        else str(variables.get("irsa_apiserver_key_path") or variables["irsa_issuer_key_path"]),
        extra_jwks=key_sets.as_list(variables.get("irsa_issuer_extra_jwks")),
    )


def kubeconfig_path(variables: Variables, folder: str) -> str | None:
    """Return the absolute path of the kubeconfig; None if there is none."""
    return _absolute(variables.get("irsa_kubeconfig"), folder)


def _absolute(path: t.Any, folder: str) -> str | None:
    return os.path.abspath(os.path.join(folder, os.path.expanduser(str(path)))) if path else None


def _is_on(variables: Variables, name: str) -> bool:
    return bool(boolean(variables.get(name, False), strict=False))


def _cluster_problems(variables: Variables, kubeconfig: str | None) -> t.Iterator[str]:
    has_documents = variables.get("irsa_injection_method") != "none" or variables.get("irsa_service_accounts_list")
    if kubeconfig is None:
        if has_documents and not variables.get("irsa_manifests_path"):
            yield (
                "Neither irsa_kubeconfig nor irsa_manifests_path is set. With a kubeconfig, the run applies what pods "
                "need to the cluster; with a folder, it writes it there as YAML."
            )
        return
    try:
        files.require_readable(kubeconfig)
    except IrsaError as error:
        yield f"irsa_kubeconfig, a path on the controller, cannot be used: {error}"


def _recipe_problems(variables: Variables, *, has_recipe: bool, has_kubeconfig: bool) -> t.Iterator[str]:
    if has_recipe and not has_kubeconfig:
        yield (
            f"irsa_apiserver_distribution is {variables['irsa_apiserver_distribution']}, whose API servers are not "
            "changed on their hosts. Set irsa_kubeconfig: what they serve is read through it."
        )


def _key_problems(variables: Variables, *, adopts: bool, has_hosts: bool) -> t.Iterator[str]:
    key_path = variables.get("irsa_issuer_key_path")
    if adopts and key_path:
        yield (
            "irsa_issuer_key_path is set, but by default the cluster's own key is adopted, and read from no file. "
            "Remove the variable, or set irsa_apiserver_key to own to have the API servers sign with that key."
        )
    if not adopts and not key_path:
        yield "irsa_apiserver_key is own, but irsa_issuer_key_path does not say which key that is. Set it."
    if not adopts and not has_hosts:
        yield "irsa_apiserver_key is own, but there are no hosts that the key could be installed on."
    if not adopts and _is_on(variables, "irsa_issuer_purge_keys") and not _is_on(variables, "irsa_issuer_from_cluster"):
        yield (
            "irsa_issuer_purge_keys and irsa_apiserver_key: own would remove the published keys that the API servers "
            "sign with now and that the tokens of running pods need. Remove irsa_issuer_purge_keys, or also set "
            "irsa_issuer_from_cluster, which publishes the keys that the API servers serve."
        )


def _state_problems(variables: Variables) -> t.Iterator[str]:
    for name in _STATES:
        if variables.get(name, "present") != "present":
            yield (
                f"{name} is {quoted(variables[name])}, but this playbook is for present. To remove a part, run its "
                "role with that state; docs/move-a-running-cluster.md says in which order."
            )
