# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""boto3 clients from a module's options: one session in a module run, and each client when it is first used."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import typing as t

with contextlib.suppress(ImportError):  # aws_module reports that they are missing
    import boto3.session
    from botocore import UNSIGNED, exceptions
    from botocore.config import Config

from ansible_collections.amazon.aws.plugins.module_utils.botocore import get_aws_connection_info
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import botocore_cache, credentials, tries
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.shared_tls import SharedContext
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError


def warm(services: t.Iterable[str]) -> None:
    """Parse the models of these services now, in a process that will fork workers.

    Only what is read from botocore's files is shared: no credentials are looked up and no connection is opened. Never
    raises.
    """
    with _collection_paused():
        try:
            session = _new_session()
            for service in services:
                endpoint_of(
                    session.client(
                        service, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
                    )
                )
            botocore_cache.prepare_session()
        except Exception:  # noqa: BLE001 # pylint: disable=broad-except  # the task that needs boto3 reports it
            return
        # Without this, each worker's garbage collection visits the 100,000 objects that exist by now, and so copies
        # their pages. On 2 cores (ansible-core 2.21, Python 3.13) an unchanged run took 9.3 s instead of 15.3 s of CPU
        # for 30 clusters and 2.3 s instead of 2.6 s for one, with a third fewer page faults.
        gc.freeze()


@contextlib.contextmanager
def _collection_paused() -> t.Iterator[None]:
    """Leave the garbage collector off for what makes many objects that stay: to look through them takes 0.1 s."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _new_session(profile: str | None = None) -> boto3.session.Session:
    return boto3.session.Session(botocore_session=botocore_cache.new_session(), profile_name=profile)


def _default_config() -> Config:
    """Return the configuration of all clients, which aws_config overrides.

    An endpoint that does not answer is reported within a minute.
    """
    return Config(connect_timeout=5, read_timeout=20, user_agent_extra="selfhosted.irsa")


# Calls are repeated in one place (tries.py), since botocore repeats some faults only, and does not tell of a try that
# got no answer, which a write must know.
_ONE_TRY = {"mode": "standard", "total_max_attempts": 1}


def ignore_redirects_of_others(client: t.Any) -> None:
    """Let a client of S3 take a redirect that is not S3's, such as a login page's, for a fault of a gateway.

    botocore takes it for the sign of another region, asks for the bucket's region, is redirected again, and ends when
    Python's recursion does.
    """
    client.meta.events.register("before-parse.s3", _mark_redirect)


def _mark_redirect(response_dict: dict[str, t.Any], **_others: t.Any) -> None:
    names = {str(name).lower() for name in response_dict["headers"]}
    if response_dict["status_code"] in (302, 303, 308) and not any(name.startswith("x-amz-") for name in names):
        response_dict["status_code"] = 502


def _max_tries(user_config: Config | None) -> int:
    """Return how often a call is made, as aws_config or AWS_MAX_ATTEMPTS tells botocore."""
    retries = (user_config.retries if user_config else None) or {}
    if "total_max_attempts" in retries:
        return int(retries["total_max_attempts"])
    if "max_attempts" in retries:  # without the first one
        return int(retries["max_attempts"]) + 1
    given = os.environ.get("AWS_MAX_ATTEMPTS", "")
    return int(given) if given.isdecimal() and int(given) else tries.MAX_TRIES


class Clients:
    """Has one boto3 client for each service. Looking one up raises botocore's exceptions (no such profile, invalid
    endpoint).
    """

    def __init__(self, module: t.Any) -> None:
        """Raises IrsaError if the option aws_config is not valid."""
        try:
            self.region, self.endpoint, self._credentials = get_aws_connection_info(module)
        except (exceptions.BotoCoreError, AttributeError, TypeError, ValueError) as error:  # botocore checks few types
            raise IrsaError(
                f"aws_config is not valid: {str(error).rstrip('.')}. It takes the settings of botocore's Config, "
                "https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html."
            ) from None
        self._profile: str | None = self._credentials.pop("profile_name", None)
        self._user_config: Config | None = self._credentials.pop("aws_config", None)
        self.max_tries = _max_tries(self._user_config)
        self._clients: dict[str, t.Any] = {}
        self._tls = SharedContext()

    def __getitem__(self, service: str) -> t.Any:
        if service not in self._clients:
            self._clients[service] = self._client(service)
            self._tls.put_on(self._clients[service])
            if service == "s3":
                ignore_redirects_of_others(self._clients[service])
        return self._clients[service]

    def has_credentials(self) -> bool:
        """Return whether there are credentials: in options, environment, profile and so on. Calls no AWS API."""
        return self._has_credentials

    def anonymous_client(self, service: str, default_region: str) -> t.Any:
        """Return a client without credentials that signs nothing, in ``default_region`` if no region is set."""
        client = self._session.client(
            service,
            region_name=self.region or self._session.region_name or default_region,
            endpoint_url=self.endpoint,
            config=self._config().merge(Config(signature_version=UNSIGNED)),
            **{name: value for name, value in self._credentials.items() if not name.startswith("aws_")},
        )
        self._tls.put_on(client)
        return client

    @functools.cached_property
    def _session(self) -> boto3.session.Session:
        return _new_session(self._profile)

    @functools.cached_property
    def _has_credentials(self) -> bool:
        return self._credentials.get("aws_access_key_id") is not None or credentials.exist(self._profile)

    def _config(self) -> Config:
        config = _default_config()
        if self._user_config:
            config = config.merge(self._user_config)
        return config.merge(Config(retries=dict(_ONE_TRY)))

    def _client(self, service: str) -> t.Any:
        # Few S3-compatible stores have a DNS name for each bucket: if an endpoint is configured, botocore puts bucket
        # names into the path, unless aws_config sets another addressing style.
        return self._session.client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint,
            config=self._config(),
            **self._credentials,
        )
