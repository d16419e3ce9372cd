# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The embedded AWS without servers of its own, so that a process that holds it can fork: each trial gets a copy."""

from __future__ import annotations

import contextlib
import copy
import functools
import gc
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import botocore.session
from botocore.config import Config
from moto.sts.models import sts_backends

from tests.sandbox.certificates import CertificateAuthority
from tests.sandbox.endpoint import Endpoint
from tests.sandbox.environment import REGION, client_environment, without_settings
from tests.sandbox.faults import Faults
from tests.sandbox.journal import Journal
from tests.sandbox.state import Cloud, without_motos_policies

from . import account_state, key_state
from .account_state import State
from .wire import Fault, Wire, listening

KEY = "sa-signer.key"


class Stage:
    """An account, and a folder with the files of a key.

    :ivar keys: the folder
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        self._authority = CertificateAuthority(folder)
        self.cloud = Cloud(self._authority.thumbprint)
        self._endpoint = Endpoint(self.cloud, Journal(folder / "calls.jsonl"), Faults())

    def with_own_folder(self) -> Stage:
        """:return: the same account with the key's files in a folder that is this process's own"""
        own = copy.copy(self)
        own.folder = Path(tempfile.mkdtemp(dir=self.folder))
        own.keys = own.folder / "keys"
        shutil.copytree(self.keys, own.keys)
        return own

    @property
    def account_id(self) -> str:
        return self.cloud.account_id

    @property
    def key(self) -> Path:
        return self.keys / KEY

    def empty(self) -> None:
        """Takes everything out of the account, and the key away."""
        self._endpoint.reset()
        self.keys.mkdir(mode=0o700, exist_ok=True)
        for file in self.keys.iterdir():
            file.unlink()

    def read_account(self) -> State:
        """:return: everything in the account"""
        return account_state.read_account(self.account_id)

    def read_state(self) -> State:
        """:return: everything that a run is to bring about, in words that do not depend on which key was made"""
        state = {**account_state.current(self.read_account()), **key_state.read_files(self.keys)}
        return key_state.named(state, self.key)

    @contextlib.contextmanager
    def connected(self, fault: Fault | None = None) -> Iterator[Wire]:
        """Makes this the AWS of this process."""
        wire = Wire(self._endpoint, self.read_account, fault)
        with listening(wire, self._endpoint, self._authority) as proxy, _environment(self.environment(proxy)):
            yield wire

    def prepare(self, make: Callable[[Stage], None]) -> None:
        """Brings account and key into the state that all trials of a scenario begin with.

        In the end there is no thread but this one, so that this process can fork.
        """
        self.empty()
        with self.connected():
            make(self)
        gc.collect()
        for thread in threading.enumerate():
            if thread is not threading.main_thread():
                thread.join(timeout=10)
        # A child that collected what exists by now would copy all of its pages.
        gc.freeze()

    def environment(self, proxy: str) -> dict[str, str]:
        """:return: all variables of a process whose AWS this is"""
        return {
            **without_settings(),
            **client_environment(proxy, self._authority.bundle, self.cloud.operator(self.account_id)),
        }

    def secrets(self) -> list[str]:
        """:return: what no output may hold: the key, and the credentials that exist"""
        found = [credentials.secret_access_key for credentials in self.cloud.operators.values()]
        for role in sts_backends[self.account_id]["aws"].assumed_roles:
            found += [role.secret_access_key, role.session_token]
        return [*found, *key_state.secrets(self.key)]

    @staticmethod
    def client(service: str) -> Any:
        """:return: a boto3 client, to be used while this is connected"""
        core = botocore.session.Session()
        core.register_component("data_loader", _models())
        session = boto3.session.Session(botocore_session=core, region_name=REGION)
        return session.client(service, config=Config(retries={"total_max_attempts": 1}))


@contextlib.contextmanager
def embedded_aws(folder: Path) -> Iterator[Stage]:
    """moto's state is global to the process, so there can be only one."""
    with without_motos_policies():
        yield Stage(folder)


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    with mock.patch.dict(os.environ, variables, clear=True):
        yield


@functools.cache
def _models() -> Any:
    return botocore.session.Session().get_component("data_loader")
