# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands to be copied, as a shell reads them."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import commands


@pytest.mark.parametrize("name", ["cart", "x; id", "$(id)", "`id`", "it's", "x\ny", "", "a b"])
def test_a_shell_takes_a_name_as_one_argument_whatever_it_is(name):
    command = commands.kubectl("shop", "delete", "pod", name)
    script = "kubectl() { printf '%s\\0' \"$@\"; }\n" + command
    run = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True)
    assert run.stdout.split("\0") == ["--namespace", "shop", "delete", "pod", name, ""]


def test_usual_names_are_not_quoted():
    assert commands.kubectl("shop", "label", "serviceaccount", "a.b-c", "x.example/y=true") == (
        "kubectl --namespace shop label serviceaccount a.b-c x.example/y=true"
    )
