# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that talk to AWS have in common."""

from __future__ import annotations

import dataclasses
import typing as t

try:
    import boto3  # noqa: F401, pylint: disable=unused-import

    BOTO3_IMPORT_ERROR: t.Optional[ImportError] = None
except ImportError as import_error:
    BOTO3_IMPORT_ERROR = import_error

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude, require
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.plan import Outcome
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.clients import Clients

Wish = t.TypeVar("Wish")


def aws_module(
    argument_spec: dict[str, t.Any],
    module_class: type[AnsibleModule] = AnsibleModule,
    needs_boto3: bool = True,
    **rules: t.Any,
) -> AnsibleAWSModule:
    """A module with amazon.aws's common options beside its own, on the class that is given; ``rules`` as AnsibleModule
    takes them (required_if and so on). It ends here without boto3, unless it ``needs_boto3`` only for some options.
    """
    settings = AnsibleAWSModule.default_settings
    usual_class = settings["module_class"]
    settings["module_class"] = module_class  # amazon.aws takes it from here alone
    try:
        module = AnsibleAWSModule(argument_spec=argument_spec, supports_check_mode=True, check_boto3=False, **rules)
    finally:
        settings["module_class"] = usual_class
    if needs_boto3:
        require_boto3(module)
    return module


def require_boto3(module: AnsibleAWSModule) -> None:
    """End the module where boto3 is missing."""
    require(module, "boto3 and botocore", BOTO3_IMPORT_ERROR)


def aws_of(module: AnsibleAWSModule) -> Aws:
    """The API as the module's options say it is reached."""
    return Aws(Clients(module))


def wish_of(wish_class: type[Wish], options: t.Mapping[str, t.Any]) -> Wish:
    """A room's wish (a dataclass), its fields from the options of their names."""
    names = [field.name for field in dataclasses.fields(wish_class)]
    return wish_class(**{name: options[name] for name in names if name in options})


def conclude_outcome(module: AnsibleAWSModule, work: t.Callable[[], Outcome]) -> t.NoReturn:
    """End the module with a room's outcome, or with the message of its IrsaError."""
    conclude(module, lambda: work().result)
