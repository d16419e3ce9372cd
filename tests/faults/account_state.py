# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an account of the embedded AWS holds, read from moto itself: no call, and no code of the collection, between."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from moto.iam.models import Role, iam_backends
from moto.s3.models import FakeBucket, FakeDeleteMarker, s3_backends
from moto.s3control.models import s3control_backends

PARTITION = "aws"
# In front of what tells one state from another, but is no part of a desired one.
HISTORY = "history: "

# One entry for each thing that can change by itself, by its name.
State = dict[str, Any]


def read_account(account_id: str) -> State:
    """:return: everything in it, with the versions of objects that are no longer current"""
    state: State = {}
    backend = s3_backends[account_id][PARTITION]
    for name, bucket in backend.buckets.items():
        tags = backend.tagger.get_tag_dict_for_resource(bucket.arn)
        state.update(_bucket(name, bucket, tags=tags))
    block = s3control_backends[account_id][PARTITION].public_access_block
    state["account access block"] = block and block.to_config_dict()
    iam = iam_backends[account_id][PARTITION]
    for arn, provider in iam.open_id_providers.items():
        state[arn] = "there"
        state[f"{arn} thumbprints"] = sorted(provider.thumbprint_list)
        state.update({f"{arn} client ID {each}": "accepted" for each in provider.client_id_list})
        state.update({f"{arn} tag {tag['Key']}": tag["Value"] for tag in provider.tags.values()})
    for role in iam.roles.values():
        state.update(_role(role))
    return state


def _role(role: Role) -> Iterator[tuple[str, Any]]:
    yield role.arn, json.loads(role.assume_role_policy_document)
    yield f"{role.arn} settings", [role.description, role.max_session_duration, role.permissions_boundary_arn]
    yield from ((f"{role.arn} tag {tag['Key']}", tag["Value"]) for tag in role.tags)
    yield from ((f"{role.arn} managed policy {policy}", "attached") for policy in role.managed_policies)
    yield from ((f"{role.arn} inline policy {name}", json.loads(text)) for name, text in role.policies.items())


def _bucket(name: str, bucket: FakeBucket, *, tags: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield f"bucket {name}", bucket.region_name
    yield f"bucket {name} access block", bucket.public_access_block and bucket.public_access_block.to_config_dict()
    yield f"bucket {name} encryption", bucket.encryption
    yield f"bucket {name} versioning", bucket.versioning_status
    yield f"bucket {name} ownership", str(bucket.ownership_rule)
    yield from ((f"bucket {name} tag {tag}", value) for tag, value in tags.items())
    policy = json.loads(bucket.policy) if bucket.policy else {}
    for number, statement in enumerate(policy.get("Statement", [])):
        yield f"bucket {name} statement {statement.get('Sid', number)}", statement
    for key, versions in sorted(bucket.keys.lists()):
        *older, current = versions
        yield f"{HISTORY}{name}/{key}", len(older)
        if not isinstance(current, FakeDeleteMarker):
            yield f"object {name}/{key} headers", dict(sorted(current.metadata.items()))
            yield from _content(f"object {name}/{key}", current.value)


def _content(name: str, body: bytes) -> Iterator[tuple[str, Any]]:
    """Each key of a key set is one thing, so that it can be told which one is lost."""
    yield name, body
    try:
        keys = json.loads(body)["keys"]
    except (ValueError, KeyError, TypeError):
        return
    yield from ((f"{name} key {key['kid']}", key) for key in keys)


def current(state: State) -> State:
    """:return: what is compared with a desired state"""
    return {name: value for name, value in state.items() if not name.startswith(HISTORY)}


def differences(found: State, expected: State) -> list[str]:
    """:return: the names of what is not as it is expected"""
    names = sorted({*found, *expected})
    return [name for name in names if found.get(name) != expected.get(name)]
