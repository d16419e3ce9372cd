# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What moto holds: look-ups, the sandbox's own credentials, and the way back to an empty account.

moto keeps its state in module globals, so a process can hold one sandbox at a time.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from moto.core.base_backend import BackendDict
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.access_control import PermissionResult
from moto.iam.models import IAMBackend, iam_backends
from moto.s3.models import FakeBucket, FakeKey, PublicAccessBlock, s3_backends
from moto.s3control.models import s3control_backends
from moto.sts.models import sts_backends
from moto.utilities.utils import PARTITION_NAMES, get_partition

from .pages import Pages

OPERATOR = "operator"
KEY_ALPHABET = string.ascii_uppercase + "234567"
ACLS_OFF = "BucketOwnerEnforced"


@dataclass(frozen=True)
class Credentials:
    """A key pair the sandbox accepts. Temporary ones have a session token."""

    account_id: str
    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


@dataclass
class Cloud:
    """The state of the whole embedded AWS.

    :ivar thumbprint: of the certificate authority that signs every host
    :ivar unreachable: hosts that IAM and STS cannot fetch anything from
    :ivar pages: what is served on hosts that are not AWS's
    """

    thumbprint: str
    account_id: str = DEFAULT_ACCOUNT_ID
    unreachable: set[str] = field(default_factory=set)
    pages: Pages = field(default_factory=Pages)
    operators: dict[str, Credentials] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.operator(self.account_id)

    def operator(self, account_id: str) -> Credentials:
        """:return: credentials of an administrator in `account_id`, the same at every call"""
        if account_id not in self.operators:
            key_id = "AKIA" + "".join(secrets.choice(KEY_ALPHABET) for dummy in range(16))
            self.operators[account_id] = Credentials(account_id, key_id, secrets.token_hex(20))
            self._create_operator(self.operators[account_id])
        return self.operators[account_id]

    def reset(self) -> None:
        """Empties every account. Credentials handed out by `operator` stay good."""
        BackendDict.reset()
        self.unreachable.clear()
        self.pages.clear()
        for credentials in self.operators.values():
            self._create_operator(credentials)

    @staticmethod
    def forget() -> None:
        """Leaves moto as it was before there was a sandbox."""
        BackendDict.reset()

    @staticmethod
    def _create_operator(credentials: Credentials) -> None:
        for partition in PARTITION_NAMES:
            backend = iam_backends[credentials.account_id][partition]
            user = backend.create_user(partition, OPERATOR)
            key = user.create_access_key("AKIA")
            key.access_key_id = credentials.access_key_id
            key.secret_access_key = credentials.secret_access_key
            backend.access_keys[key.access_key_id] = key


def find_bucket(name: str | None) -> FakeBucket | None:
    """:return: the bucket of that name in whichever account has it"""
    if name is None or name not in s3_backends.bucket_accounts:
        return None
    partition, account_id = s3_backends.bucket_accounts[name]
    return s3_backends[account_id][partition].buckets.get(name)


def has_acls_off(bucket: FakeBucket) -> bool:
    """:return: whether the bucket's ownership rule, which moto annotates as a dict and keeps as text, turns ACLs off"""
    return str(bucket.ownership_rule) == ACLS_OFF


def find_object(bucket: FakeBucket, key: str, version_id: str | None = None) -> FakeKey | None:
    """:return: the object, or None when there is none or its latest version is a delete marker"""
    found = s3_backends[bucket.account_id][bucket.partition].get_object(bucket.name, key, version_id=version_id)
    return found if isinstance(found, FakeKey) else None


def account_access_block(account_id: str, partition: str) -> PublicAccessBlock | None:
    """:return: the account's own Block Public Access settings"""
    return s3control_backends[account_id][partition].public_access_block


def iam_of(account_id: str, region: str) -> IAMBackend:
    """:return: IAM of the partition that `region` is in"""
    return iam_backends[account_id][get_partition(region)]


def find_credentials(key_id: str, region: str) -> tuple[Credentials, str] | None:
    """
    :param region: tells the partition: credentials of another one are good for nothing
    :return: the credentials with that key id and the ARN of who holds them, or None when nobody does
    """
    partition = get_partition(region)
    for account_id, account in list(iam_backends.items()):
        key = account[partition].access_keys.get(key_id)
        if key is None or key.status != "Active":
            continue
        if role := sts_backends[account_id][partition].get_assumed_role_from_access_key(key_id):
            return Credentials(account_id, key_id, key.secret_access_key, role.session_token), role.arn
        user = account[partition].get_user_from_access_key_id(key_id)
        arn = user.arn if user else f"arn:{partition}:iam::{account_id}:root"
        return Credentials(account_id, key_id, key.secret_access_key), arn
    return None


@contextmanager
def without_motos_policies() -> Iterator[None]:
    """Turns moto's own reading of bucket policies off, which knows no conditions and no HEAD: ours comes first."""
    with mock.patch.object(FakeBucket, "get_permission", return_value=PermissionResult.PERMITTED):
        yield
