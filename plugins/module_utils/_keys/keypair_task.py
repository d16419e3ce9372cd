# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The key pair with the attributes of its files, which only a module can set. Runs on control-plane nodes."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import attributes
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.keypair import KeyPair


def run(module: t.Any, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what module irsa_keypair does for these options, and return its result. Raises IrsaError."""
    pair = KeyPair(options, module.check_mode)
    with pair.record.reported_on_failure():
        attributes.check(pair.path, options)
    if options["state"] == "absent":
        return pair.ensure_absent()
    result = pair.ensure_present()
    if result["exists"]:
        with pair.record.reported_on_failure(), _failures_raised(module):
            _apply_attributes(module, options, result)
    return result


@contextlib.contextmanager
def _failures_raised(module: t.Any) -> t.Iterator[None]:
    """Let AnsibleModule raise where it would end the module, with a result that lacks what was done so far."""

    def fail_json(msg: str, path: str = "", **details: t.Any) -> t.NoReturn:
        reason = details.get("exception") or details.get("details")
        raise IrsaError(f"The attributes of {path} cannot be set: {msg}{f' ({reason})' if reason else ''}.")

    # AnsibleAWSModule passes calls on to the AnsibleModule inside it.
    inner = module.set_fs_attributes_if_different.__self__
    ending = inner.fail_json
    inner.fail_json = fail_json
    try:
        yield
    finally:
        inner.fail_json = ending


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
