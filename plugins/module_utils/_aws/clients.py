# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""boto3 clients from a module's options: one session a module run, each client made when it is first used."""

from __future__ import annotations

import collections.abc
import gc
import os
import typing as t

try:
    import boto3.session
    from botocore import UNSIGNED
    from botocore.config import Config
except ImportError:
    pass  # aws_module says so

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import botocore_cache, credentials
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.shared_tls import SharedContext

_SERVICES = ("s3", "s3control", "iam", "sts")

# An endpoint that does not answer is reported within a minute; aws_config overrides each of these.
_DEFAULTS = {
    "connect_timeout": 5,
    "read_timeout": 20,
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "user_agent_extra": "selfhosted.irsa",
}


def _session(profile: t.Optional[str] = None) -> t.Any:
    return boto3.session.Session(botocore_session=botocore_cache.new_session(), profile_name=profile)


def warm(services: t.Iterable[str]) -> None:
    """Parse the models of these services now, in a process that will fork workers.

    Only what is read from botocore's files is shared: no credential is looked up and no connection made. Never raises;
    what is wrong with boto3 or its configuration is told by the task that needs it.
    """
    try:
        session = _session()
        for service in services:
            endpoint_of(
                session.client(service, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
            )
        botocore_cache.make_session_ahead()
    except Exception:  # pylint: disable=broad-except
        return
    # What lives now lives to the end: left out of collections, its memory stays shared after the fork. To collect first
    # would cost a single run more than it gives.
    gc.freeze()


class Clients(collections.abc.Mapping[str, t.Any]):
    """Maps service names to boto3 clients. Looking one up raises botocore's exceptions (no such profile, invalid
    endpoint).
    """

    def __init__(self, module: t.Any) -> None:
        self.region, self.endpoint, self._credentials = get_aws_connection_info(module)
        self._profile = self._credentials.pop("profile_name", None)
        self._config = self._credentials.pop("aws_config", None)
        self._session: t.Optional[boto3.session.Session] = None
        self._made: dict[str, t.Any] = {}
        self._found_credentials: t.Optional[bool] = None
        self._tls = SharedContext()

    def __len__(self) -> int:
        return len(_SERVICES)

    def __iter__(self) -> t.Iterator[str]:
        return iter(_SERVICES)

    def __getitem__(self, service: str) -> t.Any:
        if service not in self._made:
            self._made[service] = self._make(service)
            self._tls.put_on(self._made[service])
        return self._made[service]

    def has_credentials(self) -> bool:
        """Whether there are credentials: options, environment, profile and so on. Asks AWS nothing."""
        if self._found_credentials is None:
            given = self._credentials.get("aws_access_key_id") is not None
            self._found_credentials = given or credentials.exist(self._profile)
        return self._found_credentials

    def anonymous_client(self, service: str, default_region: str) -> t.Any:
        """A client that signs nothing and looks for no credentials, in ``default_region`` where no other is set."""
        self._begin()
        config = Config(**_DEFAULTS).merge(self._config) if self._config else Config(**_DEFAULTS)
        region = self.region or self._session.region_name or default_region
        options = {name: value for name, value in self._credentials.items() if not name.startswith("aws_")}
        made = self._session.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            config=config.merge(Config(signature_version=UNSIGNED)),
            **options,
        )
        self._tls.put_on(made)
        return made

    def _begin(self) -> None:
        if self._session is None:
            self._session = _session(self._profile)

    def _make(self, service: str) -> t.Any:
        self._begin()
        if service != "s3" or ((self._config and self._config.s3) or {}).get("addressing_style") is not None:
            return self._client(service, Config(**_DEFAULTS))
        # Every S3-compatible store answers to its own name; a name for each bucket wants DNS that many do not have.
        # Where the endpoint is, the client alone can tell: a guess saves making two of them.
        guess = self.endpoint is None and "AWS_ENDPOINT_URL" not in os.environ
        client = self._s3(for_aws=guess)
        is_aws = not client.meta.region_name or endpoint_of(client).is_aws
        return client if is_aws == guess else self._s3(for_aws=is_aws)

    def _s3(self, for_aws: bool) -> t.Any:
        return self._client("s3", Config(**_DEFAULTS, **({} if for_aws else {"s3": {"addressing_style": "path"}})))

    def _client(self, service: str, config: Config) -> t.Any:
        merged = config.merge(self._config) if self._config else config
        return self._session.client(
            service, region_name=self.region, endpoint_url=self.endpoint, config=merged, **self._credentials
        )
