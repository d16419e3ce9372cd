# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that talk to AWS have in common."""

from __future__ import annotations

import dataclasses
import typing as t

try:
    import boto3  # noqa: F401, pylint: disable=unused-import

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

if t.TYPE_CHECKING:
    from _typeshed import DataclassInstance

Spec = t.TypeVar("Spec", bound="DataclassInstance")


def aws_module(
    argument_spec: dict[str, t.Any],
    module_class: type[MaskedModule] = MaskedModule,
    *,
    needs_boto3: bool = True,
    **rules: t.Any,
) -> AnsibleAWSModule:
    """Return a module with amazon.aws's common options in addition to its own, based on ``module_class``.

    ``rules`` are AnsibleModule's, such as required_if. Ends the module if boto3 is missing, unless only some of its
    options need it (``needs_boto3`` is false).
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
        require_boto3(module)
    return module


def require_boto3(module: AnsibleAWSModule) -> None:
    """End the module if boto3 is missing."""
    require(module, "boto3 and botocore", BOTO3_IMPORT_ERROR)


def require_conditional_writes(module: AnsibleAWSModule) -> None:
    """End the module if boto3 cannot write to S3 on a condition.

    Without a condition two runs could overwrite each other's documents:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    module.require_botocore_at_least("1.35.70", reason="for conditional writes to S3")


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
