# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of role irsa_issuer as options of module irsa_issuer.

Some forty templates, one for each option, would cost a worker more than the task itself, since it compiles each of them
again. Most variables are plain text, which needs no template, so the action plugin reads them directly. They are
checked here, too, so that a playbook of this collection needs no task for that.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t
from pathlib import Path

import yaml
from ansible.errors import AnsibleUndefinedVariable
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.issuer_flags import folder_on_server
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import Redaction
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.role_variables import (
    PREFIX,
    is_controller,
    is_keyless,
    option_name,
    problems,
    variable_name,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._argument_problems import in_plain_words, not_text
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._key_paths import (
    FOLDER,
    controller_path,
    key_paths,
    named_paths,
)

_ROLE = Path(__file__).parents[2] / "roles" / "irsa_issuer"

_PATHS = ("key_path", "public_key_path", "openssh_public_key_path")
_CONTROLLER_PATHS = ("kubeconfig", "documents_path", "result_path")
# A playbook for one state also sets this, since -e would override its irsa_issuer_state.
_EXPECTED_STATE = f"__{PREFIX}expected_state"
# Values, by the names of the options, that a playbook has instead of the user's, which -e would put first.
_OF_PLAYBOOK = f"__{PREFIX}of_playbook"
# What one task of the role hands to the next, by the names of the options.
_FROM_TASKS = ("key", "prepared")
_UNSET: tuple[t.Any, ...] = (None, "", [], {})

# What a newcomer must set.
_EXAMPLE = {
    f"{PREFIX}bucket": "example-irsa-prod  # a name of your own: no two buckets of AWS have the same",
    f"{PREFIX}region": "eu-west-1",
    f"{PREFIX}key_path": "/srv/irsa/sa-signer.key  # on a disk that survives the run",
}
_EXAMPLE_OF_REMOVAL = {
    f"{PREFIX}bucket": "example-irsa-prod  # the bucket of the issuer to remove",
    f"{PREFIX}region": _EXAMPLE[f"{PREFIX}region"],
}
_MISSING = ("Neither ", f"{PREFIX}key_path is not set")


@functools.cache
def argument_spec() -> dict[str, t.Any]:
    """The role's argument spec, read once a process and shared with those that are forked from it."""
    text = (_ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    options: dict[str, t.Any] = document["argument_specs"]["main"]["options"]
    return options


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoleVariables:
    """The role's variables, checked.

    ``options`` are the module's, without those that are not set; ``key_files`` are the paths of key_paths();
    ``keyless`` says that there is none, and ``backs_up`` whether a private bucket has copies of the key files.
    """

    options: dict[str, t.Any]
    key_host: str
    key_files: dict[str, str | None]
    keyless: bool
    backs_up: bool


def read(
    option_names: t.Container[str], variables: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any]
) -> RoleVariables:
    """Read and check the variables of a task in the role.

    ``option_names`` are the options that the module has; ``template`` turns a variable into its value. Raises
    IrsaError, whose message lists everything that is wrong.
    """
    given, undefined = _templated(variables, template)
    of_playbook = template(variables.get(_OF_PLAYBOOK)) or {}
    given.update({f"{PREFIX}{name}": value for name, value in of_playbook.items()})
    # Unchanged, since the type path would expand the ~ of this host.
    given_paths = {name: given.get(f"{PREFIX}{name}") for name in _PATHS}
    values = _validated(given, given_paths, undefined)
    _check_state(values["state"], variables.get(_EXPECTED_STATE, values["state"]))
    host = values.get("key_host") or "localhost"
    folder = template(variables.get(FOLDER, variables["playbook_dir"]))
    files = key_paths(given_paths, folder)
    values = {
        **values,
        **files,
        "apiserver_key_dir": values.get("apiserver_key_dir") or _folder_on_servers(host, files["key_path"]),
        **{name: controller_path(values.get(name), folder) for name in _CONTROLLER_PATHS},
        "key_path": files["key_path"] if host == "localhost" else None,
        **{name: template(variables.get(f"__{PREFIX}{name}")) for name in _FROM_TASKS},
    }
    options = {name: value for name, value in values.items() if name in option_names and value not in _UNSET}
    return RoleVariables(
        options=options,
        key_host=host,
        key_files=files,
        keyless=is_keyless(values),
        backs_up=bool(values.get("key_backup")),
    )


def _folder_on_servers(host: str, path: str | None) -> str | None:
    """Return the folder that API servers are to have the key files in; None if that is where they are."""
    return folder_on_server(path) if path and is_controller(host) else None


def _templated(
    variables: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any]
) -> tuple[dict[str, t.Any], list[str]]:
    """Return the values of the variables that are set, and a problem for each that refers to an undefined one."""
    given, undefined = {}, []
    for name in argument_spec():
        if name in variables:
            try:
                given[name] = template(variables[name])
            except AnsibleUndefinedVariable as error:
                undefined.append(f"{name} has no value: {error.message}.")
    return given, undefined


def _validated(given: dict[str, t.Any], given_paths: dict[str, t.Any], undefined: t.Sequence[str]) -> dict[str, t.Any]:
    """The values of all variables, defaults included, by their names without the prefix. Raises IrsaError.

    ``undefined`` are problems that were found before.
    """
    checked = ArgumentSpecValidator(argument_spec()).validate(given, validate_role_argument_spec=True)
    redaction = Redaction(masking.in_options({option_name(name): value for name, value in given.items()}))

    def as_shown(problem: str) -> str:
        """Return a problem without what may be private in the variables that it quotes."""
        return shown(redaction.over(problem))

    values = {option_name(name): value for name, value in checked.validated_parameters.items()}
    unusable = [*undefined, *not_text(argument_spec(), given), *in_plain_words(checked.error_messages)]
    found = [*unusable, *_further_problems({**values, **named_paths(given_paths)}, unusable)]
    if found:
        intro = "Invalid variables for role irsa_issuer; nothing was changed."
        example = _example(found, is_removal=values.get("state") == "absent")
        raise IrsaError("\n- ".join([intro, *map(as_shown, found)]) + example)
    return values


def _further_problems(values: dict[str, t.Any], unusable: t.Sequence[str]) -> list[str]:
    """Return what is wrong with the variables but for those that have no usable value, as other problems say."""
    names = [name for name in argument_spec() if any(_mentions(problem, name) for problem in unusable)]
    found = problems({name: value for name, value in values.items() if variable_name(name) not in names})
    return [problem for problem in found if not any(_mentions(problem, name) for name in names)]


def _mentions(problem: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", problem) is not None


def _example(found: t.Sequence[str], *, is_removal: bool) -> str:
    """Return lines of YAML with what is always required, if the user has not set it."""
    if not any(problem.startswith(_MISSING) for problem in found):
        return ""
    example = _EXAMPLE_OF_REMOVAL if is_removal else _EXAMPLE
    lines = [f"    {name}: {value}" for name, value in example.items()]
    return "\n".join(["\nThis is enough, for example:", *lines])


def _check_state(state: str, expected: str) -> None:
    if state != expected:
        raise IrsaError(
            f"{PREFIX}state is {state}, but this playbook is for {expected}. selfhosted.irsa.provision creates an "
            "issuer, and selfhosted.irsa.teardown removes it."
        )
