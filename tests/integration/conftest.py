# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sandbox for all of these tests, since a process can hold one, and ansible-playbook as its user."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts import Account
from fetching import Anonymous
from playbooks import COLLECTIONS, HERE, Operator
from tests.sandbox import Sandbox
from tests.sandbox.environment import REMOVED

# So that tests may import the collection as ansible_collections.selfhosted.irsa, the way Ansible does.
sys.path.append(os.environ[COLLECTIONS])

# Files that run longest. They go first, so that no worker begins a long one when the others are done.
SLOWEST = (
    "test_role_every_way.py",
    "test_direct.py",
    "test_printing.py",
    "test_verify_playbook.py",
    "test_slices.py",
    "test_inclusion.py",
    "test_secrecy.py",
    "test_interrupted.py",
    "test_issuers.py",
    "test_custom_endpoints.py",
)


def pytest_configure(config: pytest.Config) -> None:
    # pytest-xdist would order files by their number of tests, and the slowest have few.
    config.option.loadscopereorder = False


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE / "sandbox" in item.path.parents:
            item.add_marker(pytest.mark.any_core)
    items.sort(key=lambda item: SLOWEST.index(item.path.name) if item.path.name in SLOWEST else len(SLOWEST))


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The sandbox, emptied."""
    running.reset()
    return running


@pytest.fixture
def in_sandbox(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the emptied sandbox the AWS of this process."""
    for name in REMOVED:
        monkeypatch.delenv(name, raising=False)
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def fetch(sandbox: Sandbox) -> Anonymous:
    return Anonymous(sandbox)


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    """The account of the sandbox's credentials, empty."""
    return Account(sandbox)


@pytest.fixture
def operator(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """An operator with an own folder who runs ansible-playbook against the emptied sandbox."""
    return Operator(sandbox, tmp_path_factory.mktemp("operator"))


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nothing listens at, and that nothing else takes meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture(scope="module")
def new_operator(running: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Operator]:
    """For a fixture of a whole module, which runs a few playbooks once and lets many tests look at what came of it."""

    def make() -> Operator:
        running.reset()
        return Operator(running, tmp_path_factory.mktemp("operator"))

    return make


# What follows needs the collection, which can be imported only now.


@pytest.fixture(scope="session")
def signing_keys(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from issuers_to_break import Keys  # noqa: PLC0415

    return Keys(tmp_path_factory.mktemp("signing-keys"))


@pytest.fixture(scope="module")
def lacking_a_key(new_operator: Callable[[], Operator], signing_keys: Any) -> Operator:
    """An operator who verifies an issuer that lacks a key that they expect."""
    from issuers_to_break import Cluster  # noqa: PLC0415
    from verifying import variables  # noqa: PLC0415

    made = new_operator()
    cluster = Cluster(Account(made.sandbox), signing_keys)
    made.variables = variables(cluster.options, expected_kids=[signing_keys.ec.kid])
    return made


@pytest.fixture
def cluster(account: Account, signing_keys: Any) -> Any:
    """A sound issuer in the sandbox's S3, with provider, role and token."""
    from issuers_to_break import Cluster  # noqa: PLC0415

    return Cluster(account, signing_keys)


@pytest.fixture
def api_server(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A sound API server of this cluster, which irsa_verify finds by the kubeconfig in its options."""
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server as client  # noqa: PLC0415
    from issuers_to_break import api_server_of  # noqa: PLC0415

    server = api_server_of(cluster)
    monkeypatch.setattr(client, "ApiServer", lambda *_options: server)
    cluster.options["kubeconfig"] = "kubeconfig"
    return server


@pytest.fixture
def web_host(signing_keys: Any, tmp_path: Path) -> Iterator[Any]:
    """A sound issuer on a web server, not started yet."""
    from issuers_to_break import WebHost  # noqa: PLC0415

    made = WebHost(tmp_path, signing_keys)
    yield made
    made.stop()
