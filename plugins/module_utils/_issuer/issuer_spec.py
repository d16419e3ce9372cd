# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The desired state of an issuer as a whole, and what is known of its signing key."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.tags import as_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.issuer_flags import folder_on_server
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.documents import SourcedKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import (
    DEFAULT_AUDIENCE,
    DISCOVERY_PATH,
    JWKS_PATH,
    object_keys,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import BucketSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import (
    DEFAULT_CACHE_CONTROL,
    PublicationSpec,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import DEFAULT_TIMEOUT, check_timeout

# The same patterns for all clusters of a bucket, so that a fleet does not race for its policy.
_SHARED_PATHS = (f"*/{JWKS_PATH}", f"*/{DISCOVERY_PATH}")

_BUCKET_PREFIX = "bucket_"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SigningKey:
    """What module irsa_keypair returned about the key that the API server signs with. ``exists`` is false while the
    key has not been created. ``public_keys`` and ``kids`` are those of all keys in its file. The role adds what the
    backup of the key did, and the ``permissions`` that it needs.
    """

    exists: bool = False
    public_key: str | None = None
    public_keys: t.Sequence[str] = ()
    kid: str | None = None
    kids: t.Sequence[str] = ()
    algorithm: str | None = None
    path: str | None = None
    public_key_path: str | None = None
    changed: bool = False
    actions: t.Sequence[str] = ()
    permissions: t.Sequence[str] = ()

    @classmethod
    def of(cls, result: t.Mapping[str, t.Any]) -> SigningKey:
        """Return the key in a result of irsa_keypair; an empty result stands for a key that has not been created.

        Raises IrsaError for a result without a key, such as that of a task that failed or was skipped.
        """
        if result and "exists" not in result:
            reason = f"; that task failed: {str(result['msg']).rstrip('.')}" if result.get("msg") else ""
            raise IrsaError(
                f"The value of key is not a result of irsa_keypair{reason}. Pass the registered result of a task that "
                "succeeded."
            )
        return cls(**{field.name: result[field.name] for field in dataclasses.fields(cls) if field.name in result})

    @classmethod
    def at(cls, path: str | None, public_key_path: str | None) -> SigningKey:
        """Return the key in these files, as far as they can be read; a removal needs no more of it than that."""
        readers: tuple[tuple[str | None, t.Callable[[bytes], list[key_facts.PublicKey]]], ...] = (
            (path, lambda text: signing_key.load_private(text).public_keys),
            (public_key_path, signing_key.load_public_keys),
        )
        for file, load in readers:
            with contextlib.suppress(IrsaError, Fault):
                content = files.read(file) if file else None
                if content is not None:
                    facts = key_facts.describe_all(load(content))
                    return cls(
                        exists=True, **{name: facts[name] for name in ("public_key", "public_keys", "kid", "kids")}
                    )
        return cls()


@dataclasses.dataclass(frozen=True, kw_only=True)
class IssuerSpec:
    """The desired state of an issuer: the options of module irsa_issuer. None and empty mean not set.

    ``apiserver_key_dir`` is where API servers have the key files; None: at the same paths as the key's host.
    ``former_issuers`` and ``former_public_keys`` are what a running cluster has accepted so far.

    ``keyless``: the signing key is elsewhere, and only public keys are published: ``extra_jwks``, and ``cluster_jwks``,
    which the API servers of a cluster serve. ``bucket_settings`` are further fields of BucketSpec; ``prepared`` is the
    output of a run without a key, which this run continues.
    """

    key: SigningKey = SigningKey()
    keyless: bool = False
    bucket: str | None = None
    manage_bucket: bool = True
    region: str | None = None
    prefix: str | None = None
    url: str | None = None
    account_id: str | None = None
    bucket_account_id: str | None = None
    bucket_public_paths: t.Sequence[str] | None = None
    bucket_settings: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    tags: dict[str, str] | None = None
    extra_jwks: t.Any = None
    cluster_jwks: t.Mapping[str, t.Any] | None = None
    legacy_empty_kid: bool = False
    purge_keys: bool = False
    overwrite: bool = False
    cache_control: str = DEFAULT_CACHE_CONTROL
    audiences: t.Sequence[str] = (DEFAULT_AUDIENCE,)
    purge_client_ids: bool = False
    thumbprints: t.Sequence[str] | None = None
    connect_to: str | None = None
    ca_path: str | None = None
    verify: bool = True
    verify_timeout: float = DEFAULT_TIMEOUT
    apiserver_key_dir: str | None = None
    former_issuers: t.Sequence[str] = ()
    former_public_keys: t.Sequence[str] = ()
    documents_path: str | None = None
    result_path: str | None = None
    prepared: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    delete_bucket: bool = False
    ignore_role_trust: bool = False

    @classmethod
    def of(cls, options: t.Mapping[str, t.Any]) -> IssuerSpec:
        """Return the spec that the options of module irsa_issuer describe.

        Raises IrsaError for an invalid key, and for tags that AWS refuses.
        """
        own = {field.name for field in dataclasses.fields(cls)}
        of_bucket = {field.name for field in dataclasses.fields(BucketSpec)}
        given = {name: value for name, value in options.items() if name in own and value is not None}
        settings = {
            name.removeprefix(_BUCKET_PREFIX): value
            for name, value in options.items()
            if name not in own and name.startswith(_BUCKET_PREFIX) and name.removeprefix(_BUCKET_PREFIX) in of_bucket
        }
        check_timeout(given.get("verify_timeout", DEFAULT_TIMEOUT), "verify_timeout")
        if "tags" in given:  # without a bucket, the provider is planned only once the documents are served
            given["tags"] = as_text(given["tags"])
        keyless = not options.get("key") and not options.get("key_path")
        if keyless and given.get("legacy_empty_kid") and options.get("state") != "absent":
            raise IrsaError(
                "legacy_empty_kid publishes the signing key under an empty kid as well, so it requires the key."
            )
        key = SigningKey.of(options.get("key") or {})
        if options.get("key_path") and not options.get("key"):
            given.setdefault("apiserver_key_dir", folder_on_server(options["key_path"]))
        return cls(**{**given, "key": key, "keyless": keyless, "bucket_settings": settings})

    def sourced_keys(self) -> t.Iterator[SourcedKey]:
        """Yield the keys that the issuer publishes: its own if there is one, the extra ones, and those of the cluster.

        Raises IrsaError, also if an issuer without a key of its own has none.
        """
        if self.key.exists or self.key.public_key:
            for text in self.key.public_keys or [self.key.public_key or ""]:
                yield from document_set.from_pem("The public key", str(text).encode("utf-8", "replace"))
        further = document_set.from_key_sets(called("extra_jwks"), self.extra_jwks)
        of_cluster = (self.cluster_jwks or {}).get("keys", [])
        further += [SourcedKey(f"The API servers' key {quoted(key.get('kid'))}", key) for key in of_cluster]
        if self.keyless and not further:
            raise IrsaError(
                f"There is no key to publish: {called('extra_jwks')} has none, and the API servers have none."
            )
        yield from further

    @property
    def has_keys(self) -> bool:
        """Whether it is known what the issuer publishes. Without its key, it is not."""
        return self.keyless or self.key.exists

    @property
    def slash_prefix(self) -> str:
        """The prefix as it follows a host."""
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

    def provider_account(self, bucket_account_id: str | None) -> str | None:
        """Return the provider's account if it is known: as given, or the bucket's if no account was given."""
        return self.account_id if self.account_id or self.bucket_account_id else bucket_account_id

    def bucket_spec(self, bucket: str, public_paths: t.Sequence[str]) -> BucketSpec:
        """Return the desired state of the bucket."""
        return BucketSpec(
            **{
                **self.bucket_settings,
                "name": bucket,
                "region": self.region,
                "account_id": self.prepared.get("account_id") or self.bucket_account_id or self.account_id,
                "public_paths": public_paths,
                "own_paths": self.own_paths,
                "tags": self.tags,
            }
        )

    def publication_spec(
        self,
        bucket: str,
        *,
        url: str,
        account_id: str,
        region: str | None = None,
        texts: t.Mapping[str, t.Any] | None = None,
    ) -> PublicationSpec:
        """Return the documents to publish in a bucket of this account; without ``texts`` they are not known yet."""
        texts = texts or {}
        return PublicationSpec(
            bucket=bucket,
            issuer=url,
            prefix=self.prefix,
            jwks_json=texts.get("jwks_json"),
            discovery_json=texts.get("discovery_json"),
            purge_keys=self.purge_keys,
            overwrite=self.overwrite,
            cache_control=self.cache_control,
            account_id=account_id,
            region=region,
        )
