# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backup of a signing key: its files as objects in a private bucket.

An object is created under a condition and never replaced, since it may be the only copy of another cluster's key.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, Read
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.aws_resource import AwsResource
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome, ensure
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, key_remains, pem, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import Bucket
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import BucketSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_location import Destination, object_name
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_store import read_of

# No key file is larger, with its certificate and comments.
_MAX_BYTES = 1 << 16

_OWN_PLACE = "Choose a place of its own for this key with destination (irsa_issuer_key_backup)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeyBackupSpec:
    """The files of a key and the place of their copies.

    ``upload`` false: only check the place. The key may then still be missing.
    """

    destination: str
    key_path: str
    public_key_path: str | None = None
    openssh_public_key_path: str | None = None
    region: str | None = None
    account_id: str | None = None
    upload: bool = True


class _Copy(t.NamedTuple):
    """A file, and the object that is its copy."""

    path: str
    key: str
    is_private: bool


def ensure_backup(aws: Aws, spec: KeyBackupSpec, check_mode: bool) -> Outcome[ApiCall]:
    """Upload the files that are not in the backup yet. Raises IrsaError, also if another key is there."""
    return ensure(KeyBackup(aws, spec, check_mode), aws, check_mode)


class KeyBackup(AwsResource):
    """The backup of a key as a resource."""

    def __init__(self, aws: Aws, spec: KeyBackupSpec, check_mode: bool) -> None:
        """In check mode, files that an earlier task would have created are missing.

        Raises IrsaError for a destination that cannot be one, and if there is no region or account.
        """
        try:
            place = Destination.of(spec.destination)
        except Fault as fault:
            raise IrsaError(f"destination {fault}.") from None
        super().__init__(aws)
        self.spec = spec
        self.check_mode = check_mode
        self.bucket = Bucket(aws, BucketSpec(name=place.bucket, region=spec.region, account_id=spec.account_id))
        paths = (spec.key_path, spec.public_key_path, spec.openssh_public_key_path)
        self.copies = [
            _Copy(path, place.prefix + os.path.basename(path), is_private=number == 0)
            for number, path in enumerate(paths)
            if path
        ]
        self._public_keys: list[key_facts.PublicKey] = []
        _check_names(self.copies)

    def plan(self) -> list[ApiCall]:
        self._public_keys = self._local_keys()
        self.bucket.start()
        reads = [
            read_of(self.aws, self.bucket.id_params, copy.key, max_body=_MAX_BYTES).start() for copy in self.copies
        ]
        if not self.bucket.exists():
            raise self.bucket.missing()
        missing = [
            copy
            for copy, read in zip(self.copies, reads, strict=True)
            if not self._is_backed_up(copy, self._content(copy, read))
        ]
        # Last, so that little time passes between this look and the uploads.
        self.bucket.require_private()
        return [self._upload(copy) for copy in missing] if self.spec.upload else []

    def recheck(self, made: t.Sequence[ApiCall]) -> list[ApiCall]:
        """Look whether the bucket was still private when the uploads ended."""
        if made:
            self.bucket.require_private(
                "It was opened while the key files were uploaded. Close it, and if anyone can have read them, treat "
                "the key as disclosed and rotate it."
            )
        return []

    def values(self, changes: t.Sequence[ApiCall] = ()) -> dict[str, t.Any]:
        changed = {change.params["Key"] for change in changes}
        return {
            "bucket": self.bucket.spec.name,
            "account_id": self.bucket.account_id,
            "kid": key_facts.kid(self._public_keys[0]) if self._public_keys else None,
            "objects": [{"key": copy.key, "path": copy.path, "changed": copy.key in changed} for copy in self.copies],
        }

    def _local_keys(self) -> list[key_facts.PublicKey]:
        """Return the keys of which there is to be a backup, the one that signs first; none without a file."""
        path = self.spec.key_path
        content = files.read(path)
        if content is None:
            return []
        try:
            return signing_key.load_private(content).public_keys
        except Fault as fault:
            raise IrsaError(
                f"The private key file {files.shown(path)} cannot be used: {fault}. It was not uploaded to "
                f"{self.spec.destination}."
            ) from None

    # --- what is there

    def _name(self, copy: _Copy) -> str:
        return object_name(self.bucket.spec.name, copy.key)

    def _content(self, copy: _Copy, read: Read) -> bytes | None:
        """Return what is stored; the content of the file if the object is archived and has the same checksum."""
        try:
            answer = read.result()
        except CallFailed as failure:
            if failure.code == "InvalidObjectState" and self._has_same_checksum(copy):
                return files.read(copy.path)
            raise
        return None if answer is None else t.cast(bytes, answer["Body"])

    def _has_same_checksum(self, copy: _Copy) -> bool:
        params = {**self.bucket.id_params, "Key": copy.key, "ChecksumMode": "ENABLED"}
        head = self.aws.call("s3", "HeadObject", self._name(copy), **params) or {}
        return head.get("ChecksumSHA256") == _checksum(files.read(copy.path) or b"")

    def _is_backed_up(self, copy: _Copy, content: bytes | None) -> bool:
        """Return whether the object is the copy of the file; false for no object. Raises IrsaError for any other."""
        if content is None:
            return False
        if not self._public_keys:
            raise IrsaError(
                f"{self._name(copy)} exists, but the private key file {files.shown(self.spec.key_path)} does not. If "
                f"it is the backup of this cluster's key, restore it: copy the objects under {self.spec.destination} "
                f"to the paths of the key files. If it is another key, it is never overwritten: {_OWN_PLACE}."
            )
        fault = _fault(content, self._public_keys, is_private=copy.is_private)
        if fault and content != files.read(copy.path):
            raise IrsaError(
                f"{self._name(copy)} is not a copy of {files.shown(copy.path)}: {fault}. A backup is never "
                f"overwritten, since it may be the last copy of a key. {_OWN_PLACE}, for example with a prefix for "
                "each cluster, or move the object to another name."
            )
        return True

    # --- what is to be there

    def _upload(self, copy: _Copy) -> ApiCall:
        content = self._body(copy)
        kind = "private key" if copy.is_private else "public key"
        kid = key_facts.kid(self._public_keys[0]) if self._public_keys else key_facts.NOT_CREATED
        return ApiCall(
            service="s3",
            operation="PutObject",
            params={
                **self.bucket.id_params,
                "Key": copy.key,
                "Body": content,
                "ChecksumAlgorithm": "SHA256",
                "ChecksumSHA256": _checksum(content),
                # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
                "IfNoneMatch": "*",
            },
            target=self._name(copy),
            part=f"copy of {copy.path}",
            after=f"{kind} {kid}",
        )

    def _body(self, copy: _Copy) -> bytes:
        """Return what to upload: nothing for a file that check mode has not created. Raises IrsaError."""
        content = files.read(copy.path)
        if content is None and not self.check_mode:
            raise IrsaError(
                f"The key file {files.shown(copy.path)} does not exist, so it cannot be backed up. Create it first."
            )
        if not copy.is_private and pem.holds_private_key(content or b""):
            raise IrsaError(
                f"{files.shown(copy.path)} contains a private key, where the public form of "
                f"{files.shown(self.spec.key_path)} belongs. It was not uploaded; correct the path."
            )
        return content or b""


def _checksum(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _fault(content: bytes, public_keys: t.Sequence[key_facts.PublicKey], *, is_private: bool) -> str | None:
    """Return why an object is not a copy of the keys in a file, None if it is one, in any format; public ones may have
    others beside them.
    """
    if len(content) > _MAX_BYTES:
        return "it is too large to be a key"
    expected = [key_facts.kid(key) for key in public_keys]
    if not is_private and expected[0] in map(key_facts.kid, key_remains.public_keys_in(content)):
        return None
    try:
        found = signing_key.load_private(content).public_keys if is_private else [signing_key.load_public(content)]
    except Fault as fault:
        return str(fault)
    actual = [key_facts.kid(key) for key in found]
    if actual == expected:
        return None
    return f"it is the key {' and '.join(actual)}, and the file contains the key {' and '.join(expected)}"


def _check_names(copies: t.Sequence[_Copy]) -> None:
    """Raise IrsaError for two files that would have one object."""
    if len({copy.key for copy in copies}) < len(copies):
        raise IrsaError(
            "key_path, public_key_path and openssh_public_key_path must have different file names, since their copies "
            "are stored under these names."
        )
