# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that talk to AWS have in common."""

from __future__ import annotations

import dataclasses
import typing as t

try:
    import boto3

    BOTO3_IMPORT_ERROR: ImportError | None = None
except ImportError as import_error:
    BOTO3_IMPORT_ERROR = import_error

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.clients import Clients
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude, require
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule

BOTO3_REQUIREMENT = "boto3>=1.35.70"

if t.TYPE_CHECKING:
    from _typeshed import DataclassInstance

Spec = t.TypeVar("Spec", bound="DataclassInstance")


def aws_module(
    argument_spec: dict[str, t.Any],
    module_class: type[MaskedModule] = MaskedModule,
    *,
    needs_boto3: bool = True,
    libraries: t.Mapping[str, ImportError | None] | None = None,
    **rules: t.Any,
) -> AnsibleAWSModule:
    """Return a module with amazon.aws's common options in addition to its own, based on ``module_class``.

    ``rules`` are AnsibleModule's, such as required_if. Ends the module if boto3 or one of the other ``libraries`` is
    missing. A module with ``needs_boto3=False`` requires what it needs when it knows its options.
    """
    settings = AnsibleAWSModule.default_settings
    usual_class = settings["module_class"]
    # AnsibleAWSModule.__init__ reads the class only from here: https://github.com/ansible-collections/amazon.aws/blob/
    # 10.1.2/plugins/module_utils/modules.py#L101
    settings["module_class"] = module_class
    try:
        module = AnsibleAWSModule(argument_spec=argument_spec, supports_check_mode=True, check_boto3=False, **rules)
    finally:
        settings["module_class"] = usual_class
    if needs_boto3:
        require(module, {**boto3_library(), **(libraries or {})})
    return module


def boto3_library() -> dict[str, ImportError | None]:
    """Return boto3 for ``require``."""
    return {BOTO3_REQUIREMENT: BOTO3_IMPORT_ERROR}


def require_conditional_writes(module: AnsibleAWSModule) -> None:
    """End the module if boto3 cannot write to S3 on a condition.

    Without a condition two runs could overwrite each other's documents:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    if not module.botocore_at_least("1.35.70"):
        from ansible_collections.selfhosted.irsa.plugins.module_utils._module import libraries  # noqa: PLC0415

        found = f"{boto3.__version__} is installed, which has no conditional writes to S3"
        module.fail_json(msg=libraries.missing({BOTO3_REQUIREMENT: found}, too_old=True))


def aws_of(module: AnsibleAWSModule) -> Aws:
    """Return the AWS API, reached in the way that the module's options set."""
    return Aws(Clients(module))


def spec_from(spec_class: type[Spec], options: t.Mapping[str, t.Any]) -> Spec:
    """Return the spec (a dataclass) with each field set from the option of its name."""
    names = [field.name for field in dataclasses.fields(spec_class)]
    return spec_class(**{name: options[name] for name in names if name in options})


def conclude_outcome(module: AnsibleAWSModule, work: t.Callable[[], Outcome[ApiCall]]) -> None:
    """End the module with an outcome, or with the message of its IrsaError."""
    conclude(module, lambda: work().result)
