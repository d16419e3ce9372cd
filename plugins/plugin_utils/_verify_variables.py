# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of playbook verify as options of module irsa_verify.

They are the module's options with PREFIX in front, whose documentation is also theirs, and the path of a report. All of
them are checked before anything is verified.
"""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleUndefinedVariable
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files, option_names
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import Redaction
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted, shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.plugins.modules.irsa_verify import (
    ARGUMENT_SPEC,
    MUTUALLY_EXCLUSIVE,
    REQUIRED_BY,
    VARIABLE_PREFIX,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._argument_problems import in_plain_words, not_text

# How the name of a report ends, which decides on its format.
_ENDINGS = (".md", ".json", ".xml")

_REPORT_PATH = "report_path"
_OPTIONS: t.Mapping[str, t.Mapping[str, t.Any]] = {
    **ARGUMENT_SPEC,
    # One of amazon.aws's common options.
    "region": {"type": "str"},
    _REPORT_PATH: {"type": "path"},
}
_UNSET: tuple[t.Any, ...] = (None, "", [], {})
_MISSING = (
    "{name} is missing. Set it to the issuer URL, exactly as in the iss of tokens, for example with "
    "-e {name}=https://example-irsa-prod.s3.eu-west-1.amazonaws.com."
)


class VerifyVariables(t.NamedTuple):
    """``options`` for the module, as far as variables are set; ``report_path``, absolute, empty without a report; and
    ``problems``, all of them, with which nothing is to be verified.
    """

    options: dict[str, t.Any]
    report_path: str
    problems: list[str]


def read(variables: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any], folder: str) -> VerifyVariables:
    """Read and check the variables of a host. ``template`` turns a variable into its value.

    Relative paths start from ``folder``.
    """
    given, problems = _given(variables, template)
    checked = _validator().validate(given)
    named = {f"{VARIABLE_PREFIX}{name}": option for name, option in _OPTIONS.items()}
    problems += [*not_text(named, given), *in_plain_words(checked.error_messages)]
    if f"{VARIABLE_PREFIX}issuer" not in given and not problems:
        problems.append(_MISSING.format(name=f"{VARIABLE_PREFIX}issuer"))
    values = {name.removeprefix(VARIABLE_PREFIX): checked.validated_parameters[name] for name in given}
    tokens = {str(values["token"])} if "token" in values else set()
    redaction = Redaction(masking.in_options(values) | tokens)
    for name, option in _OPTIONS.items():
        if option["type"] == "path" and isinstance(values.get(name), str):
            values[name] = os.path.join(folder, values[name])
    report_path = values.pop(_REPORT_PATH, "")
    fault = _report_fault(report_path)
    if fault:
        problems.append(f"{VARIABLE_PREFIX}{_REPORT_PATH} is {fault}.")
        report_path = ""
    return VerifyVariables(
        {**values, option_names.OPTION: VARIABLE_PREFIX},
        report_path,
        [shown(redaction.over(problem)) for problem in problems],
    )


def _given(
    variables: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any]
) -> tuple[dict[str, t.Any], list[str]]:
    """Return the values of the variables that are set, and a problem for each that refers to an undefined one."""
    given, undefined = {}, []
    for name in (f"{VARIABLE_PREFIX}{option}" for option in _OPTIONS):
        try:
            value = template(variables.get(name))
        except AnsibleUndefinedVariable as error:
            undefined.append(f"{name} has no value: {error.message}.")
        else:
            if value not in _UNSET:
                given[name] = value
    return given, undefined


def _validator() -> ArgumentSpecValidator:
    """Return what checks the variables as the module checks its options, in their own names."""
    return ArgumentSpecValidator(
        {f"{VARIABLE_PREFIX}{name}": {**option, "required": False} for name, option in _OPTIONS.items()},
        mutually_exclusive=[[f"{VARIABLE_PREFIX}{name}" for name in names] for names in MUTUALLY_EXCLUSIVE],
        required_by={
            f"{VARIABLE_PREFIX}{name}": f"{VARIABLE_PREFIX}{required}" for name, required in REQUIRED_BY.items()
        },
    )


def _report_fault(path: t.Any) -> str:
    """Say why no report can be written to a path; empty if it can, as far as is known before."""
    if not path:
        return ""
    if not str(path).endswith(_ENDINGS):
        return f"{quoted(os.path.basename(str(path)))}; the name must end in .md, .json or .xml (JUnit)"
    folder = os.path.dirname(str(path))
    if not os.path.isdir(folder):
        return f"in the directory {files.shown(folder)}, which does not exist"
    return "" if os.access(folder, os.W_OK) else f"in the directory {files.shown(folder)}, which you cannot write to"
