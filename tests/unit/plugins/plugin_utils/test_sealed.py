# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private key between two tasks: read by the workers of one run, and by nobody else."""

from __future__ import annotations

import os

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._sealed import seal, unseal

KEY = "-----BEGIN PRIVATE KEY-----\nübel\n-----END PRIVATE KEY-----\n"


def test_what_one_worker_seals_another_one_reads():
    """Each task of ansible-playbook is a process of its own, forked from the first one."""
    read, write = os.pipe()
    if not os.fork():
        os.write(write, seal(KEY).encode())
        os._exit(0)
    os.wait()
    sealed = os.read(read, 65536).decode()

    assert unseal(sealed) == KEY
    assert "PRIVATE" not in sealed


@pytest.mark.parametrize("sealed", ["", "x", "gAAAAABo" + "A" * 90, "ü"])
def test_what_another_run_has_sealed_says_what_to_do(sealed):
    with pytest.raises(IrsaError, match="Run the playbook again"):
        unseal(sealed)
