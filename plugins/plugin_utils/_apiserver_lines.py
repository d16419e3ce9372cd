# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What API servers need for an issuer, as lines for people: key files, flags, and what a running cluster must keep.

A result is ``irsa_issuer_result`` of a host.
"""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.issuer_flags import KUBEADM_FOLDER
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import Line, next_step, prose

Result = t.Mapping[str, t.Any]

_ISSUER, _KEY_FILE = "--service-account-issuer=", "--service-account-key-file="


def flag_lines(result: Result) -> list[Line]:
    """The flags, each whole, to be copied."""
    return [Line(text=flag, indent=2, whole=True) for flag in result["apiserver_flags"]]


def key_file_lines(result: Result) -> list[Line]:
    """The key files that API servers need: what to copy, to where, with which mode."""
    return [
        Line(text=f"{file['src']} to {file['dest']}, mode {file['mode']}", indent=2, hanging=4)
        if file["src"] != file["dest"]
        else Line(text=f"{file['dest']}, mode {file['mode']}", indent=2, hanging=4)
        for file in _key_files(result)
    ]


def next_of_new(result: Result, *, keeps_keys: bool) -> list[Line]:
    """What to do with the flags of an issuer that the API servers cannot know yet."""
    if keeps_keys:
        return [next_step(_title_of_issuer(result)), *flag_lines(result)]
    files = key_file_lines(result)
    if not files:
        return [next_step("start kube-apiserver with these flags, on each control-plane node:"), *flag_lines(result)]
    return [
        next_step(_title_of_files(result)),
        *files,
        *_about_the_folder(result),
        prose("Then start kube-apiserver with these flags, on each control-plane node:"),
        *flag_lines(result),
        prose("irsa_issuer_result also has them as kubeadm_extra_args for kubeadm, and as k3s_args for k3s and RKE2."),
    ]


def about_running_clusters(result: Result, *, keeps_keys: bool) -> Line:
    """What a cluster that runs already must keep accepting, and the order that refuses no token."""
    order = (
        "Until all API servers accept it, none may sign for it, so first append it to the flags of each. "
        "selfhosted.irsa.enable does all of this on kubeadm, k3s, RKE2, k0s and MicroK8s."
    )
    if keeps_keys:
        return prose(order)
    if not _has_former_issuers(result):
        return prose(
            "If the cluster is running already, these flags alone would invalidate all its tokens: set "
            "irsa_issuer_former_issuers to its present issuers, and run this again. Leave --api-audiences as it is."
        )
    keys = [flag for flag in result["apiserver_flags"] if flag.startswith(_KEY_FILE)]
    other_key = (
        "If the cluster signs with another key today, set irsa_issuer_former_public_keys, too, and run this again. "
        if len(keys) == 1
        else ""
    )
    return prose(f"The former issuers stay accepted; leave --api-audiences as it is. {other_key}{order}")


def _title_of_issuer(result: Result) -> str:
    if _has_former_issuers(result):
        return "replace every --service-account-issuer of kube-apiserver by these flags, on each control-plane node:"
    return "give kube-apiserver this flag before its present --service-account-issuer, on each control-plane node:"


def _title_of_files(result: Result) -> str:
    if all(file["src"] == file["dest"] for file in _key_files(result)):
        return "have the key files at these paths on each control-plane node:"
    return "copy the key files to each control-plane node:"


def _about_the_folder(result: Result) -> t.Iterator[Line]:
    files = _key_files(result)
    if all(file["src"] == file["dest"] for file in files):
        return
    text = f"An API server of kubeadm sees no folder other than {KUBEADM_FOLDER}."
    if posixpath.dirname(files[0]["dest"]) == KUBEADM_FOLDER:
        text += " If yours has its keys elsewhere, set irsa_issuer_apiserver_key_dir, and run this again."
    yield prose(text)


def _has_former_issuers(result: Result) -> bool:
    return len([flag for flag in result["apiserver_flags"] if flag.startswith(_ISSUER)]) > 1


def _key_files(result: Result) -> list[dict[str, str]]:
    return list(result.get("apiserver_key_files") or [])
