# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether there are AWS credentials. Verification works without them, so the answer must cost almost nothing."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import botocore_cache

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html
_EC2_SIGNS = (("/sys/class/dmi/id/sys_vendor", "amazon ec2"), ("/sys/hypervisor/uuid", "ec2"))


def exist(profile: str | None) -> bool:
    """Return whether botocore finds credentials in its usual sources. Raises its exceptions, such as ProfileNotFound.

    EC2's metadata service is asked only on EC2: elsewhere botocore would wait a second for an answer.
    """
    session = botocore_cache.new_session()
    if profile is not None:
        session.set_config_variable("profile", profile)
    if not (session.get_config_variable("ec2_metadata_service_endpoint") or _on_ec2()):
        session.get_component("credential_provider").remove("iam-role")
    return session.get_credentials() is not None


def _on_ec2() -> bool:
    for path, prefix in _EC2_SIGNS:
        try:
            if Path(path).read_text(encoding="ascii").lower().startswith(prefix):
                return True
        except (OSError, ValueError):
            continue
    return False
