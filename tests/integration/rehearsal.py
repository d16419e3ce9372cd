# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role irsa_issuer does, in its order, by the collection's module_utils in this process.

Quick, so that a test can begin with an issuer that is there, and try every state that a run can be killed in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accounts import REGION, Account
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import provider_absent, provider_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_base import ProviderSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.keypair import KeyPair
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import (
    bucket_absent,
    bucket_present,
    publication_present,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import BucketSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import PublicationSpec


class Rehearsal:
    """An issuer with a bucket of its own.

    :ivar actions: the writes of the last run, in order
    """

    def __init__(self, account: Account, key: Path, name: str, *, tags: dict[str, str] | None = None) -> None:
        self.account = account
        self.key = key
        self.name = name
        self.tags = tags or {}
        self.issuer = f"https://{name}.s3.{REGION}.amazonaws.com"
        self.arn = f"arn:aws:iam::{account.id}:oidc-provider/{name}.s3.{REGION}.amazonaws.com"
        self.actions: list[str] = []

    @property
    def variables(self) -> dict[str, Any]:
        """:return: the role's variables for the same issuer"""
        return {
            "irsa_issuer_bucket": self.name,
            "irsa_issuer_key_path": str(self.key),
            "irsa_issuer_tags": self.tags,
        }

    def run(self, check_mode: bool = False) -> list[str]:
        """Makes or repairs the issuer.

        :return: the writes in order; in check mode those that would be made
        """
        self.actions = []
        aws = self._aws()
        key = self._key(create=False, check_mode=check_mode).ensure_present()
        self.actions += key["actions"]
        self._take(bucket_present.ensure_present(aws, BucketSpec(name=self.name, tags=self.tags), check_mode))
        if not key["exists"]:
            key = self._key(create=True, check_mode=check_mode).ensure_present()
            self.actions += key["actions"]
        documents = document_set.build(self._document_options(key), check_mode)
        self._take(
            publication_present.ensure_present(
                aws,
                PublicationSpec(
                    bucket=self.name,
                    issuer=self.issuer,
                    jwks_json=documents["jwks_json"],
                    discovery_json=documents["discovery_json"],
                    account_id=self.account.id,
                ),
                check_mode,
            )
        )
        self._take(provider_present.ensure_present(aws, ProviderSpec(url=self.issuer, tags=self.tags), check_mode))
        return self.actions

    def remove(self, check_mode: bool = False) -> list[str]:
        """Takes everything away, bucket and key included.

        :return: the writes in order; in check mode those that would be made
        """
        self.actions = []
        aws = self._aws()
        self._take(provider_absent.ensure_absent(aws, ProviderSpec(url=self.issuer), check_mode))
        self._take(bucket_absent.ensure_absent(aws, BucketSpec(name=self.name), check_mode))
        self.actions += self._key(create=False, check_mode=check_mode).ensure_absent()["actions"]
        return self.actions

    def _aws(self) -> Aws:
        return Aws(
            ReadyClients({service: self.account.client(service) for service in ("s3", "s3control", "iam", "sts")})
        )

    def _take(self, outcome: Any) -> None:
        self.actions += outcome.actions

    def _key(self, create: bool, check_mode: bool) -> KeyPair:
        options = {
            "path": str(self.key),
            "public_key_path": str(self.key.with_name(f"{self.key.stem}-pkcs8.pub")),
            "openssh_public_key_path": f"{self.key}.pub",
            "format": "auto",
            "regenerate": "fail",
            "create": create,
            "mode": "0600",
            "backup": False,
            **dict.fromkeys(("type", "size", "curve")),
        }
        return KeyPair(options, check_mode)

    def _document_options(self, key: dict[str, Any]) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "jwks_uri": None,
            "public_keys": [key["public_key"]] if key["exists"] else [],
            "public_key_paths": [],
            "jwks": [],
            "legacy_empty_kid": False,
            "dest": None,
        }
