# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests share: the endpoint, sites at it, and Ansible in a folder of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane import NewApiServer, api_server, etcd
from endpoint import HOST_STYLE, PATH_STYLE, Endpoint, Site, setting
from kubeadm_nodes import Nodes
from runs import Ansible

# So that tests may import the collection as ansible_collections.selfhosted.irsa, the way Ansible does.
sys.path += filter(None, os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep)[:1])


def pytest_configure(config: pytest.Config) -> None:
    # What was skipped, and which variable to set, stands at the end of every run.
    config.option.reportchars += "s"


@pytest.fixture(scope="session")
def endpoint() -> Endpoint:
    endpoint = Endpoint()
    if endpoint.session.get_credentials() is None or endpoint.session.region_name is None:
        pytest.skip("set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION, or AWS_PROFILE: an account")
    return endpoint


@pytest.fixture(scope="session")
def any_style() -> str:
    """The style of those tests for which it makes no difference."""
    return PATH_STYLE if os.environ.get("IRSA_E2E_ISSUER_BASE") else HOST_STYLE


@pytest.fixture
def site(endpoint: Endpoint, any_style: str) -> Iterator[Site]:
    with endpoint.site(any_style) as site:
        yield site


@pytest.fixture(params=[PATH_STYLE, HOST_STYLE])
def each_site(endpoint: Endpoint, request: pytest.FixtureRequest) -> Iterator[Site]:
    with endpoint.site(request.param) as site:
        yield site


@pytest.fixture
def ansible(tmp_path: Path) -> Ansible:
    return Ansible(tmp_path)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Nodes:
    return Nodes(tmp_path_factory.mktemp("nodes"))


@pytest.fixture(scope="module")
def new_api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewApiServer]:
    """Starts API servers on one etcd, each with the flags given."""
    assets = Path(setting("KUBEBUILDER_ASSETS", "a folder with etcd and kube-apiserver"))
    with etcd(assets, tmp_path_factory.mktemp("etcd")) as url:
        yield lambda *flags, **more: api_server(
            assets, url, folder=tmp_path_factory.mktemp("api") / "server", flags=flags, **more
        )
