# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where moto is kinder than AWS, it is made as strict here: one topic a file, each applied before or after moto.

A function in `BEFORE` may raise a `Refusal`, return an `Answer` of its own, or let moto execute the call. One in
`AFTER` completes what moto did.
"""

from __future__ import annotations

from collections.abc import Callable

from ..answers import Answer
from ..call import Call
from . import (
    access_control_lists,
    bucket_access,
    bucket_creation,
    bucket_encryption,
    bucket_policies,
    bucket_regions,
    conditional_removals,
    credentials,
    object_headers,
    oidc_providers,
    session_tokens,
    web_identity,
)
from .site import Site

__all__ = ["AFTER", "BEFORE", "Site"]

# In the order in which AWS looks: who asks, where, may they, and only then whether the input is right.
BEFORE: tuple[Callable[[Site, Call], Answer | None], ...] = (
    credentials.identify,
    bucket_regions.redirect,
    bucket_access.check_owner,
    bucket_access.authorize,
    bucket_creation.check,
    bucket_policies.check,
    access_control_lists.check,
    conditional_removals.check,
    oidc_providers.handle,
    session_tokens.handle,
    web_identity.check,
)
AFTER: tuple[Callable[[Site, Call, Answer], Answer], ...] = (
    bucket_creation.complete,
    bucket_encryption.complete,
    object_headers.complete,
    web_identity.complete,
)
