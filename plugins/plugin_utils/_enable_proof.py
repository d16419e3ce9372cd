# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which token proves that playbook enable was successful, and which manifests have to be applied before."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible.module_utils.common.validation import check_type_list

from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.cluster_plan import Annotations
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.manifest import FILE as ACCOUNTS_FILE
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.constants import ANNOTATION_PREFIX
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.manifests import FILE as INJECTION_FILE
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import path_of, title_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import text_at
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._enable_lines import actions_of, name_of

NAMES = (
    *("irsa_kubeconfig", "irsa_kube_context", "irsa_manifests_path"),
    *("irsa_issuer_audiences", "irsa_injection_annotation_prefix"),
)

Mapping = t.Mapping[str, t.Any]
# Returns the object at a path of the cluster's API, None if there is none. Raises RequestFailed.
Find = t.Callable[[str], t.Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proof:
    """The token to make: for which service account, and for the first of ``audiences``, all of which the provider must
    accept; and the role to assume with it, if any.

    ``to_apply`` has the manifests that the cluster does not have yet, as paths; ``lacking`` what it is known to lack.
    """

    service_account: str
    audiences: t.Sequence[str]
    role_arn: str | None
    to_apply: t.Sequence[str]
    lacking: t.Sequence[str]


def read(results: Mapping, variables: Mapping, find: Find | None) -> Proof:
    """Return what proves a run with these results. ``variables`` are the values of those in NAMES that are set;
    ``find`` is None without a kubeconfig.
    """
    account = next((each for each in results.get("accounts") or [] if each["state"] == "present"), None)
    audiences = check_type_list(variables.get("irsa_issuer_audiences") or [])
    folder = variables.get("irsa_manifests_path")
    prefix = variables.get("irsa_injection_annotation_prefix") or ANNOTATION_PREFIX
    lacking = list(_lacking(results, account, find=find, prefix=prefix)) if folder and find else []
    files = _files(results, str(folder)) if folder else []
    return Proof(
        service_account=name_of(account) if account else "default/default",
        audiences=list(dict.fromkeys([account["audience"], *audiences] if account else audiences)),
        role_arn=account["role_arn"] if account else None,
        to_apply=files if lacking or _has_written(results, files) else [],
        lacking=lacking,
    )


def _files(results: Mapping, folder: str) -> list[str]:
    """Return the manifests in the order in which they must be applied: what injects, then what it is to serve.

    A policy labels accounts as they are written.
    """
    injects = (results.get("injection") or {}).get("manifests")
    names = [*([INJECTION_FILE] if injects else []), *([ACCOUNTS_FILE] if results.get("accounts") else [])]
    return [os.path.join(os.path.expanduser(folder), name) for name in names]


def _has_written(results: Mapping, files: t.Iterable[str]) -> bool:
    """Whether this run wrote one of these manifests, which nothing can have applied yet."""
    written = [action.partition(" ")[2] for action in actions_of(results) if action.startswith("file:write ")]
    return not set(map(os.path.basename, files)).isdisjoint(map(os.path.basename, written))


def _lacking(results: Mapping, account: Mapping | None, *, find: Find, prefix: str) -> t.Iterator[str]:
    """Yield what the cluster lacks for the proof: a part of what injects, or the account with its role."""
    for document in (results.get("injection") or {}).get("manifests") or []:
        if not _has(find, path_of(document), lambda present: True):
            yield title_of(document)
    if account:
        annotation, role_arn = Annotations(prefix).role_arn, account["role_arn"]
        path = paths.account(account["namespace"], account["name"])
        if not _has(find, path, lambda present: text_at(present, "metadata", "annotations", annotation) == role_arn):
            yield f"ServiceAccount/{name_of(account)} with its role"


def _has(find: Find, path: str, fits: t.Callable[[t.Any], bool]) -> bool:
    """Whether an object is there and fits. What cannot be read is taken to be there: the checks say why it cannot."""
    try:
        present = find(path)
    except RequestFailed:
        return True
    return present is not None and fits(present)
