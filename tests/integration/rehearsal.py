# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role irsa_issuer does, by the code that its module runs, in this process.

Quick, so that a test can begin with an issuer that is there, and try every state that a run can be killed in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accounts import REGION, Account
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import issuer_absent, issuer_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.keypair import KeyPair


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
        # Verification fetches the documents without an AWS client, so it would need this process's environment changed.
        self._spec = IssuerSpec(bucket=name, tags=self.tags, verify=False, delete_bucket=True)

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

        def key_result(create: bool) -> dict[str, Any]:
            return self._key(create=create, check_mode=check_mode).ensure_present()

        result = issuer_present.ensure_with_key(self._aws(), self._spec, check_mode, key_result=key_result)
        self.actions = result["actions"]
        return self.actions

    def remove(self, check_mode: bool = False) -> list[str]:
        """Takes everything away, bucket and key included.

        :return: the writes in order; in check mode those that would be made
        """
        outcome = issuer_absent.ensure_absent(self._aws(), self._spec, check_mode)
        removed_key = self._key(create=False, check_mode=check_mode).ensure_absent()
        self.actions = [*outcome.actions, *removed_key["actions"]]
        return self.actions

    def _aws(self) -> Aws:
        return Aws(
            ReadyClients({service: self.account.client(service) for service in ("s3", "s3control", "iam", "sts")})
        )

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
