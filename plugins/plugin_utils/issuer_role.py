# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of role irsa_issuer as options of module irsa_issuer.

Some forty templates, one for each option, cost a worker more than the task itself, since it compiles each of them anew.
Most variables are set to plain text, which needs none; so the action plugin reads them where they are. They are checked
here, too, so that a playbook of this collection needs no task for that.
"""

from __future__ import annotations

import functools
import typing as t
from pathlib import Path

import yaml

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.selfhosted.irsa.plugins.module_utils.role_variables import PREFIX, problems

_ROLE = Path(__file__).parents[2] / "roles" / "irsa_issuer"

# Options that the role works out of more than one variable.
_MADE_BY_THE_ROLE = {
    "key_path": f"__{PREFIX}key_path",
    "public_key_path": f"__{PREFIX}public_key_path",
    "openssh_public_key_path": f"__{PREFIX}openssh_public_key_path",
}
# What is checked, though it is no option, or not in this form.
_FOR_CHECKS = {
    "key_path": f"{PREFIX}key_path",
    "key_host": f"__{PREFIX}key_host",
    "key_backup": f"{PREFIX}key_backup",
    "public_key_path": f"__{PREFIX}public_key_name",
    "openssh_public_key_path": f"__{PREFIX}openssh_public_key_name",
}


class VariablesRefused(Exception):
    """The role's variables need mending; the text lists everything that is wrong."""


@functools.cache
def argument_spec() -> dict[str, t.Any]:
    """The role's argument spec, read once a process and shared with those that are forked from it."""
    text = (_ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["argument_specs"]["main"]["options"]


def options(option_names: t.Container[str], variables: t.Mapping[str, t.Any], template: t.Callable) -> dict[str, t.Any]:
    """Module options from the variables of a task in the role; what is not set is left out.

    ``template`` makes a variable's value of what stands there. Raises VariablesRefused.
    """
    given = {name: template(variables[name]) for name in argument_spec() if name in variables}
    checked = ArgumentSpecValidator(argument_spec()).validate(given, validate_role_argument_spec=True)
    if checked.error_messages:
        raise VariablesRefused("Validation of arguments failed:\n" + "\n".join(checked.error_messages))
    values = {name.removeprefix(PREFIX): value for name, value in checked.validated_parameters.items()}
    made = {name: template(variables[variable]) for name, variable in _MADE_BY_THE_ROLE.items()}
    found = problems({**values, **{name: template(variables.get(variable)) for name, variable in _FOR_CHECKS.items()}})
    if found:
        intro = "The variables of role irsa_issuer need mending; nothing was done."
        raise VariablesRefused("\n- ".join([intro, *found]))
    if template(variables[_FOR_CHECKS["key_host"]]) != "localhost":
        made["key_path"] = None
    return {
        name: value
        for name, value in {**values, **made}.items()
        if name in option_names and value not in (None, "", [], {})
    }
