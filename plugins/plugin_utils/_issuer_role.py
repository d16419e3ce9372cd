# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of role irsa_issuer as options of module irsa_issuer.

Some forty templates, one for each option, cost a worker more than the task itself, since it compiles each of them anew.
Most variables are set to plain text, which needs none; so the action plugin reads them where they are. They are checked
here, too, so that a playbook of this collection needs no task for that.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t
from pathlib import Path

import yaml

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.role_variables import PREFIX, problems
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._key_paths import key_paths, named_paths

_ROLE = Path(__file__).parents[2] / "roles" / "irsa_issuer"

_PATHS = ("key_path", "public_key_path", "openssh_public_key_path")
# A playbook of a collection runs in the collection's folder, and says so where relative paths are to be taken from.
_FOLDER = f"__{PREFIX}folder"
# A playbook that has to do with one state says so, since -e would win over what it sets.
_EXPECTED_STATE = f"__{PREFIX}expected_state"
# What a task of the role hands to the next one, by the options' names.
_FROM_TASKS = ("key", "prepared")
_UNSET: tuple[t.Any, ...] = (None, "", [], {})


class VariablesRefused(Exception):
    """The role's variables need mending; the text lists everything that is wrong."""


@functools.cache
def argument_spec() -> dict[str, t.Any]:
    """The role's argument spec, read once a process and shared with those that are forked from it."""
    text = (_ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["argument_specs"]["main"]["options"]


@dataclasses.dataclass(frozen=True)
class RoleVariables:
    """What the role is told.

    ``options`` are the module's, without those that are not set; ``key_files`` as key_paths() has them; ``backs_up``
    says whether the key goes to a private place, too.
    """

    options: dict[str, t.Any]
    key_host: str
    key_files: dict[str, t.Optional[str]]
    backs_up: bool


def read(
    option_names: t.Container[str], variables: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any]
) -> RoleVariables:
    """What the variables of a task in the role say.

    ``template`` makes a variable's value of what stands there. Raises VariablesRefused.
    """
    given = {name: template(variables[name]) for name in argument_spec() if name in variables}
    checked = ArgumentSpecValidator(argument_spec()).validate(given, validate_role_argument_spec=True)
    if checked.error_messages:
        raise VariablesRefused("Validation of arguments failed:\n" + "\n".join(checked.error_messages))
    values = {name.removeprefix(PREFIX): value for name, value in checked.validated_parameters.items()}
    # As they were given, since a type of path expands the ~ of this host.
    wanted = {name: given.get(f"{PREFIX}{name}") for name in _PATHS}
    found = problems({**values, **named_paths(wanted)})
    if found:
        intro = "The variables of role irsa_issuer need mending; nothing was done."
        raise VariablesRefused("\n- ".join([intro, *found]))
    expected = variables.get(_EXPECTED_STATE, values["state"])
    if values["state"] != expected:
        raise VariablesRefused(
            f"{PREFIX}state is {values['state']}, and this playbook is for {expected}. selfhosted.irsa.provision makes "
            "an issuer, and selfhosted.irsa.teardown takes it away."
        )
    host = values.get("key_host") or "localhost"
    files = key_paths(wanted, template(variables.get(_FOLDER, variables["playbook_dir"])))
    values = {
        **values,
        **files,
        "key_path": files["key_path"] if host == "localhost" else None,
        **{name: template(variables.get(f"__{PREFIX}{name}")) for name in _FROM_TASKS},
    }
    options = {name: value for name, value in values.items() if name in option_names and value not in _UNSET}
    return RoleVariables(options, host, files, backs_up=bool(values.get("key_backup")))
