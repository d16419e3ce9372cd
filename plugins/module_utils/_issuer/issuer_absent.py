# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""An issuer as a whole, taken away in the safe order: whoever takes the name of a deleted bucket must find nothing that
trusts it.
"""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import provider
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_base, bucket_absent, publication
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerWish
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.plan import Change, Outcome, Room, carry_out, planned


def ensure_absent(aws: Aws, wish: IssuerWish, check_mode: bool) -> Outcome:
    """Remove the provider, then the documents or, with ``wish.delete_bucket``, the bucket with them.

    Everything is read and planned first: objects or documents of somebody else's, and roles that still trust the
    provider, stop the run before anything is removed. The outcome's ``issuer`` sums the run up. Raises IrsaError.
    """
    place = bucket_base.BucketRoom(aws, wish.of_bucket(wish.own_paths)) if wish.bucket else None
    if place is not None:
        place.exists()  # raises where it is somebody else's
    url = wish.url or f"https://{place.values()['host']}{wish.slash_prefix}"
    issuer_url.parse(url)
    in_bucket = [] if place is None else _plans_in_bucket(aws, wish, url, place)
    registered = provider.DoomedProvider(
        aws,
        provider.ProviderWish(
            url=url,
            account_id=wish.provider_account(place and place.account_id),
            ignore_role_trust=wish.ignore_role_trust,
        ),
    )
    plans: list[tuple[Room, list[Change]]] = [(registered, planned(registered)), *in_bucket]
    changes: list[Change] = []
    try:
        for room, plan in plans:
            changes += carry_out(aws, room, check_mode, plan)
    except IrsaError as error:
        if not check_mode:
            error.details["actions"] = [change.action for change in changes] + error.details.get("actions", [])
        raise
    summary = {
        "issuer": url,
        "provider_arn": registered.arn,
        "bucket": wish.bucket,
        "actions": [change.action for change in changes],
        "permissions": sorted(aws.permissions),
        "changed": bool(changes),
    }
    warnings = [warning for room, _plan in plans for warning in room.warnings]
    values = {"key_wanted": False, "key_is_lost": None, "prepared": None, "issuer": summary}
    return Outcome(changes, values, warnings, sorted(aws.permissions))


def _plans_in_bucket(
    aws: Aws, wish: IssuerWish, url: str, place: bucket_base.BucketRoom
) -> list[tuple[Room, list[Change]]]:
    """What goes from the bucket, or with it. Whose documents are in it is looked at in both cases."""
    documents = publication.Withdrawal(aws, wish.of_documents(url, place.account_id))
    withdrawal = planned(documents)
    if not wish.delete_bucket:
        return [(documents, withdrawal)]
    doomed = bucket_absent.DoomedBucket(aws, wish.of_bucket(wish.own_paths))
    return [(doomed, planned(doomed))]
