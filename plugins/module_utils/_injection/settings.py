# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be set about injection, and the rules for it."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import constants
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.object_names import is_namespace, is_subdomain
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE

# AWS regions, and those of other stores, such as Ceph's zone groups.
_REGION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?")
# The API server refuses longer ones: ValidateServiceAccountTokenProjection in kubernetes/pkg/apis/core/validation
_MAX_EXPIRATION = 1 << 32
_MAX_TEXT = 1024


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What containers get. All but the guards are flags of the EKS webhook, with its defaults.

    An empty ``region`` adds none. ``guard_exceptions`` are accounts, as NAME or NAMESPACE/NAME, whose pods a guarded
    namespace admits without a token.
    """

    region: str = ""
    audience: str = DEFAULT_AUDIENCE
    expiration: int = constants.EXPIRATION
    sts_regional_endpoints: bool = True
    mount_path: str = constants.MOUNT_PATH
    annotation_prefix: str = constants.ANNOTATION_PREFIX
    guard: str = "off"
    guard_exceptions: tuple[str, ...] = ()

    def annotation(self, name: str) -> str:
        """Return the full name of an annotation or label that the EKS webhook reads."""
        return f"{self.annotation_prefix}/{name}"


def problems(settings: Settings, prefix: str = "") -> t.Iterator[str]:
    """Yield what is wrong, one sentence for each; ``prefix`` stands before the names, as in a role's variables."""
    if settings.region and not _REGION.fullmatch(settings.region):
        yield f"{prefix}region must be the name of a region, such as eu-west-1, not {quoted(settings.region)}."
    if not settings.audience or not _is_text(settings.audience):
        yield (
            f"{prefix}audience must be a text of at most {_MAX_TEXT} characters, such as {DEFAULT_AUDIENCE}, not "
            f"{quoted(settings.audience)}."
        )
    least, most = constants.MIN_EXPIRATION, _MAX_EXPIRATION
    if not least <= settings.expiration <= most:
        yield (
            f"{prefix}expiration must be a number of seconds from {least} to {most}, not {quoted(settings.expiration)}."
        )
    if not _is_mount_path(settings.mount_path):
        yield (
            f"{prefix}mount_path must be an absolute path without a colon and without .., not "
            f"{quoted(settings.mount_path)}."
        )
    if not is_subdomain(settings.annotation_prefix):
        yield (
            f"{prefix}annotation_prefix must be a domain name in lower case, such as {constants.ANNOTATION_PREFIX}, "
            f"not {quoted(settings.annotation_prefix)}."
        )
    for account in settings.guard_exceptions:
        if not _is_account(account):
            yield (
                f"{prefix}guard_exceptions must be a list of service accounts, as NAME or NAMESPACE/NAME; "
                f"{quoted(account)} is none."
            )


def _is_account(account: str) -> bool:
    namespace, slash, name = account.rpartition("/")
    return is_subdomain(name) and (is_namespace(namespace) or not slash)


def _is_mount_path(path: str) -> bool:
    # A colon is refused for mount paths, and the token's path would not be normal with an empty part or a dot.
    parts = path.split("/")[1:]
    return path.startswith("/") and ":" not in path and _is_text(path) and not {"", ".", ".."}.intersection(parts)


def _is_text(value: str) -> bool:
    return len(value) <= _MAX_TEXT and value.isprintable()
