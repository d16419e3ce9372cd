# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""What is wanted of an issuer as a whole, and what is known of its key."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import BucketWish
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import (
    DEFAULT_AUDIENCE,
    DISCOVERY_PATH,
    JWKS_PATH,
    object_keys,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication import (
    DEFAULT_CACHE_CONTROL,
    PublicationWish,
)

# The same patterns for all clusters of a bucket, so that a fleet does not race for its policy.
_SHARED_PATHS = (f"*/{JWKS_PATH}", f"*/{DISCOVERY_PATH}")


@dataclasses.dataclass(frozen=True)
class SigningKey:
    """What module irsa_keypair returned of the key that the API server signs with. ``exists`` false: it is not made
    yet.
    """

    exists: bool = False
    public_key: t.Optional[str] = None
    kid: t.Optional[str] = None
    algorithm: t.Optional[str] = None
    path: t.Optional[str] = None
    public_key_path: t.Optional[str] = None
    changed: bool = False
    actions: t.Sequence[str] = ()

    @classmethod
    def of(cls, result: t.Mapping[str, t.Any]) -> SigningKey:
        """From a result of irsa_keypair, whatever else it holds; nothing at all stands for a key that is not made yet.

        Raises IrsaError for a result that says nothing of a key, as that of a task that failed or was skipped.
        """
        if result and "exists" not in result:
            came = f": {result['msg']}" if result.get("msg") else ""
            raise IrsaError(f"What is given as the key says nothing of one; irsa_keypair must have succeeded{came}")
        return cls(**{field.name: result[field.name] for field in dataclasses.fields(cls) if field.name in result})

    def apiserver_flags(self, url: str) -> list[str]:
        """The flags of kube-apiserver for a new cluster; those of one that runs already are another matter, since every
        API server must know both keys for a while.

        https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#serviceaccount-token-volume-projection
        """
        return [
            f"--service-account-issuer={url}",
            f"--service-account-key-file={self.public_key_path or self.path}",
            f"--service-account-signing-key-file={self.path}",
            f"--service-account-jwks-uri={url}/{JWKS_PATH}",
            f"--api-audiences={url}",
        ]


@dataclasses.dataclass(frozen=True)
class IssuerWish:
    """What is wanted of an issuer: the options of module irsa_issuer. None and empty: not set.

    ``prepared`` is what a run before there was a key left for this one.
    """

    key: SigningKey = SigningKey()
    bucket: t.Optional[str] = None
    manage_bucket: bool = True
    region: t.Optional[str] = None
    prefix: t.Optional[str] = None
    url: t.Optional[str] = None
    account_id: t.Optional[str] = None
    bucket_account_id: t.Optional[str] = None
    bucket_public_paths: t.Optional[t.Sequence[str]] = None
    bucket_encryption: t.Optional[str] = None
    bucket_versioning: t.Optional[bool] = None
    bucket_namespace: t.Optional[str] = None
    tags: t.Optional[dict[str, str]] = None
    extra_jwks: t.Sequence[t.Any] = ()
    legacy_empty_kid: bool = False
    purge_keys: bool = False
    overwrite: bool = False
    cache_control: str = DEFAULT_CACHE_CONTROL
    audiences: t.Sequence[str] = (DEFAULT_AUDIENCE,)
    thumbprints: t.Optional[t.Sequence[str]] = None
    connect_to: t.Optional[str] = None
    ca_path: t.Optional[str] = None
    verify: bool = True
    prepared: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    delete_bucket: bool = False
    ignore_role_trust: bool = False

    @property
    def slash_prefix(self) -> str:
        """The prefix as it goes behind a host."""
        return f"/{self.prefix}" if self.prefix else ""

    @property
    def own_paths(self) -> tuple[str, str]:
        """The keys of this issuer's two objects."""
        return object_keys(self.prefix)

    @property
    def public_paths(self) -> t.Sequence[str]:
        """What the bucket's policy opens."""
        return self.bucket_public_paths or (_SHARED_PATHS if self.prefix else self.own_paths)

    @property
    def served_elsewhere(self) -> bool:
        """Whether another host than the bucket's own serves the documents."""
        return not self.bucket or bool(self.url)

    def provider_account(self, bucket_account_id: t.Optional[str]) -> t.Optional[str]:
        """The provider's account where it is known: as given, or the bucket's where nothing was given."""
        return self.account_id if self.account_id or self.bucket_account_id else bucket_account_id

    def of_bucket(self, public_paths: t.Sequence[str]) -> BucketWish:
        """The part that concerns the bucket."""
        return BucketWish(
            name=self.bucket or "",
            region=self.region,
            account_id=self.prepared.get("account_id") or self.bucket_account_id or self.account_id,
            public_paths=public_paths,
            tags=self.tags,
            encryption=self.bucket_encryption,
            versioning=self.bucket_versioning,
            namespace=self.bucket_namespace,
        )

    def of_documents(
        self,
        url: str,
        account_id: str,
        jwks_json: t.Optional[str] = None,
        discovery_json: t.Optional[str] = None,
    ) -> PublicationWish:
        """The part that concerns the documents, in a bucket of this account."""
        return PublicationWish(
            bucket=self.bucket or "",
            issuer=url,
            prefix=self.prefix,
            jwks_json=jwks_json,
            discovery_json=discovery_json,
            purge_keys=self.purge_keys,
            overwrite=self.overwrite,
            cache_control=self.cache_control,
            account_id=account_id,
        )
