# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For the tests of module_utils: an issuer on a loopback port, and the AWS API of an empty account."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import FakeAws
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fetching import patient
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import INTERMEDIATE, LEAF, ROOT, HttpsServer


@pytest.fixture
def aws(fake_aws: FakeAws) -> Aws:
    """The AWS API of an empty account."""
    return Aws(fake_aws.clients)


@pytest.fixture
def server(tmp_path: Path) -> t.Iterator[HttpsServer]:
    """The server of https://irsa.example.test, with a certificate of an intermediate CA, which it presents, too."""
    started = HttpsServer(tmp_path, [LEAF, INTERMEDIATE])
    yield started
    started.stop()


@pytest.fixture
def ca_path(tmp_path: Path) -> str:
    """The file of the root CA."""
    file = tmp_path / "ca.pem"
    file.write_bytes(ROOT.pem)
    return str(file)


@pytest.fixture
def route(server: HttpsServer, ca_path: str) -> Route:
    """How that server is reached."""
    return patient(server.address, ca_path)
