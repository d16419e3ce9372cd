# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key pair with the attributes of its files, which only a module can set. Runs on control-plane nodes."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.keypair import KeyPair


def run(module: t.Any, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what module irsa_keypair does for these options, and return its result. Raises IrsaError."""
    key_files.check_owner(options.get("owner"), options.get("group"))
    pair = KeyPair(options, module.check_mode)
    result = pair.ensure_absent() if options["state"] == "absent" else pair.ensure_present()
    if result["exists"]:
        _apply_attributes(module, options, result)
    return result


def _apply_attributes(module: t.Any, options: t.Mapping[str, t.Any], result: dict[str, t.Any]) -> None:
    """Set mode, owner and group of the files, but not the mode of the public ones; add each change to the result."""
    public = filter(None, (options["public_key_path"], options["openssh_public_key_path"]))
    files = [
        module.load_file_common_arguments(options),
        *(module.load_file_common_arguments({**options, "mode": None}, path=path) for path in public),
    ]
    for arguments in files:
        diff: dict[str, t.Any] = {}
        if module.set_fs_attributes_if_different(arguments, False, diff=diff):
            result["changed"] = True
            result["actions"].append("file:SetAttributes")
            for side in ("before", "after"):
                result["diff"][side] = {**result["diff"][side], arguments["path"]: diff.get(side, {})}
