# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbook rotate without a control plane that it can change: it says so and what else to do, rather than end as if all
were well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from playbooks import LOCAL, Operator
from tests.sandbox import Sandbox

ROTATE = "selfhosted.irsa.rotate"
MASTERS = {"masters": {"hosts": {"m1": LOCAL}}}
CONTROL_PLANE = {"control_plane": {"hosts": {"m1": LOCAL}}}
TALOS = {"irsa_apiserver_distribution": "talos", "irsa_apiserver_distribution_version": "1.13.9"}


@pytest.mark.parametrize(
    ("inventory", "variables", "expected"),
    [
        (MASTERS, {}, "There is no control plane to work on. Pass an inventory whose group control_plane or"),
        (MASTERS, {"irsa_kubeconfig": "/srv/prod/kubeconfig"}, "for which irsa_kubeconfig is not enough."),
        (CONTROL_PLANE, {}, "Set irsa_issuer_region to the region of its bucket"),
        (MASTERS, TALOS, "On Talos up to 1.13, accept cannot be done"),
        (MASTERS, {**TALOS, "irsa_rotate_phase": "prepare"}, "On Talos up to 1.13, accept cannot be done"),
        (MASTERS, {**TALOS, "irsa_rotate_phase": "auto"}, "On Talos up to 1.13, accept cannot be done"),
        (CONTROL_PLANE, {"irsa_apiserver_distribution": "kops"}, "kops promote keypair service-account"),
        (MASTERS, {"irsa_control_plane": ["mastres", "others"]}, "irsa_control_plane is 'mastres,others', but no host"),
        (
            {**MASTERS, "all": {"vars": {"irsa_control_plane": "masters"}}},
            {},
            "irsa_control_plane is 'masters' in the inventory, which is 'm1', but the play runs on 'localhost'.",
        ),
    ],
)
def test_a_play_that_can_change_no_server_stops_and_says_what_is_missing(
    running: Sandbox, tmp_path: Path, inventory: Any, variables: Any, expected: str
) -> None:
    operator = Operator(running, tmp_path)
    (tmp_path / "inventory.yml").write_text(json.dumps(inventory))
    given = {"irsa_issuer_bucket": "irsa-rotate", **variables}
    run = operator.start(ROTATE, "--inventory=inventory.yml", variables=given).wait()
    assert expected in run.failure
    assert run.exit_code
    assert run.calls == []
