# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GetSessionToken, whose keys moto makes up and then does not know.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from moto.sts.models import AssumedRole, sts_backends
from moto.utilities.utils import get_partition

from ..answers import Answer, query_result
from ..call import Call
from ..state import iam_of
from .site import Site

DEFAULT_DURATION = 43200


class UserSession(AssumedRole):
    """A session of the user who asked for it, kept where moto looks for temporary credentials."""

    holder = ""

    @property
    def arn(self) -> str:
        """:return: the ARN of the user"""
        return self.holder


def handle(_site: Site, call: Call) -> Answer | None:
    """Answers GetSessionToken with credentials that are good for something."""
    if call.service != "sts" or call.operation != "GetSessionToken" or call.principal is None:
        return None
    account_id = call.principal.account_id
    session = UserSession(
        account_id=account_id,
        region_name=call.region,
        access_key=iam_of(account_id, call.region).create_temp_access_key(),
        role_session_name="session",
        role_arn=call.principal.arn,
        policy="",
        duration=int(call.parameters.get("DurationSeconds", DEFAULT_DURATION)),
        external_id="",
    )
    session.holder = call.principal.arn
    sts_backends[account_id][get_partition(call.region)].assumed_roles.append(session)
    fields = {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "SessionToken": session.session_token,
        "Expiration": session.expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return query_result("sts", call.operation, f"<Credentials>{inner}</Credentials>")
