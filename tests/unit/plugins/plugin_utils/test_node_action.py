# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private key reaches a cluster node through the connection alone, never in a file of Ansible's."""

from __future__ import annotations

import typing
from unittest import mock

import pytest
from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import become_loader, connection_loader

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._node_action import NodeAction

WITH_KEY = {"operation": "step", "private_key": "PEM"}


class Action(NodeAction):
    node_module = "selfhosted.irsa.irsa_node"
    result: typing.ClassVar[dict] = {"found": {"seconds": 1}}

    def __init__(self, transport, become):
        connection = connection_loader.get(transport, PlayContext(), "/dev/null")
        connection.set_options(direct={"pipelining": False} if connection.has_pipelining else {})
        if become:
            connection.set_become_plugin(become_loader.get(become))
        super().__init__(mock.Mock(), connection, mock.Mock(), mock.Mock(), mock.Mock(), mock.Mock())
        self._variables = {}
        self.ways = []

    def run(self, tmp=None, task_vars=None):
        return {}

    def _execute_module(self, **call):
        self.ways.append("pipe" if self._is_pipelining_enabled("new") else "files")
        return self.result


@pytest.fixture
def action(request):
    return Action(*getattr(request, "param", ("ssh", None)))


@pytest.mark.parametrize("action", [("ssh", None), ("local", None), ("ssh", "sudo")], indirect=True)
def test_only_a_module_with_a_private_key_goes_another_way_than_the_user_set(action):
    for arguments in ({"operation": "observe"}, WITH_KEY, {"operation": "step", "private_key": None}):
        assert action._node(arguments) == {"seconds": 1}
    assert action.ways == ["files", "pipe", "files"]


@pytest.mark.parametrize(
    ("action", "has_pipelining", "reason"),
    [
        (("ssh", None), False, "connection ssh has no pipelining"),
        (("ssh", "su"), True, "become method su has no pipelining"),
    ],
    indirect=["action"],
)
def test_a_connection_that_cannot_do_it_is_refused(action, has_pipelining, reason):
    action._connection.has_pipelining = has_pipelining
    with pytest.raises(IrsaError, match=f"The private key would get into files on its way to the host: {reason}"):
        action._node(WITH_KEY)
    assert action.ways == []
    action._node({"operation": "observe"})


def test_files_that_ansible_keeps_are_refused(action, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_KEEP_REMOTE_FILES", True)
    with pytest.raises(IrsaError, match="Unset ANSIBLE_KEEP_REMOTE_FILES"):
        action._node(WITH_KEY)


def test_a_failed_step_tells_why_and_a_module_that_did_not_start_too(action):
    action.result = {"failed": True, "msg": "No.", "log": ["line"], "other": 1}
    with pytest.raises(IrsaError, match=r"No\.") as caught:
        action._node(WITH_KEY)
    assert caught.value.details == {"log": ["line"]}
    action.result = {"rc": 127}
    with pytest.raises(AnsibleActionFail, match="Module irsa_node returned no result"):
        action._node({})
