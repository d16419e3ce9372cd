# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For all unit tests: an environment without the developer's settings, and property tests that can be repeated."""

from __future__ import annotations

import gc
import os
import socket
import time
import typing as t
from pathlib import Path

import hypothesis
import pytest

from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import FakeAws
from ansible_collections.selfhosted.irsa.tests.unit.plugins.kubernetes_servers import Servers

# The same examples in every run, however fast the machine is; nothing is kept between runs.
hypothesis.settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=100,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """Keep garbage collection away from what is imported: ansible-test forks for each test, which would copy it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    """Fail a test that asks for AWS itself: the failure to reach it may pass for the refusal that it expects."""
    resolve, asked = socket.getaddrinfo, []

    def resolve_other_names(host: t.Any, *arguments: t.Any, **named: t.Any) -> t.Any:
        if ".amazonaws.com" in str(host):
            asked.append(host)
            raise socket.gaierror(socket.EAI_NONAME, "unit tests have no AWS")
        return resolve(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_other_names)
    yield
    assert asked == []


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials, no region, no proxy; and no metadata service that botocore would ask for them."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "BOTO_")) or name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each sleep. Nothing really sleeps, but the clock goes on as if it had, so that waiting ends."""
    seen: list[float] = []
    now = time.monotonic
    monkeypatch.setattr(time, "sleep", seen.append)
    monkeypatch.setattr(time, "monotonic", lambda: now() + sum(seen))
    return seen


@pytest.fixture
def fake_aws(pauses: list[float]) -> t.Iterator[FakeAws]:
    """An empty account."""
    fake = FakeAws()
    yield fake
    fake.stop()


@pytest.fixture
def api_servers(tmp_path: Path) -> t.Iterator[Servers]:
    """API servers of a cluster, none at first."""
    made = Servers(tmp_path)
    yield made
    made.stop()
