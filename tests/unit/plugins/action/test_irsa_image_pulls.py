# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning and changing the kubelet of a node in memory, task by task as the role does."""

from __future__ import annotations

from unittest import mock

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.action import irsa_image_pulls as action
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import path_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls import provider
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_image_pulls as module
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._pulls.test_node_plan import Node

OPTIONS = {"provider_path": "/usr/local/bin/ecr-credential-provider", "match_images": ["*.dkr.ecr.*.amazonaws.com"]}


class Play:
    """Runs the action on a node, which takes steps or fails with ``failure``."""

    def __init__(self, failure=None):
        self.node, self.failure, self.steps = Node(), failure, []

    def run(self, operation, *, check_mode=False, **options):
        task = mock.Mock(args={"operation": operation, **OPTIONS, **options}, async_val=0, check_mode=check_mode)
        connection = mock.Mock(**{"_shell.tmpdir": None})
        plugin = action.ActionModule(
            task, connection, play_context=mock.Mock(), loader=mock.Mock(), templar=mock.Mock(), shared_loader_obj=None
        )
        plugin._execute_module = lambda **call: self._answer(call["module_args"])
        return plugin.run(task_vars={"inventory_hostname": "node1"})

    def _answer(self, arguments):
        if arguments["operation"] == "read":
            return {"found": self.node.reading()}
        assert len(arguments["contents"]) == len(arguments["step"]["files"])
        assert not any("content" in each for each in arguments["step"]["files"])  # which are logged on the node
        self.steps.append(arguments["step"])
        return self.failure or {"found": {"seconds": 8.5, "backups": []}}


def test_options_are_those_of_the_documentation():
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    names = ("type", "choices", "default", "elements", "required")
    kept = {name: {key: value for key, value in option.items() if key in names} for name, option in documented.items()}
    assert kept == action.ARGUMENT_SPEC


def test_a_plan_takes_no_step_and_hands_its_settings_over():
    play = Play()
    found = play.run("plan", region="eu-west-1")
    assert (found["changed"], found["needs_step"], play.steps) == (False, True, [])
    assert found["settings"]["region"] == "eu-west-1" and found["settings"].items() >= OPTIONS.items()


def test_check_mode_tells_what_a_step_does_and_takes_none():
    play = Play()
    told = play.run("step", check_mode=True)
    assert play.steps == [] and told["changed"]
    made = play.run("step", timeout=30)
    assert (made["actions"], made["diff"], made["seconds"]) == (told["actions"], told["diff"], 8.5)
    assert play.steps[0]["timeout"] == 30


def test_a_step_that_failed_on_the_node_is_told_with_what_was_put_back():
    failed = Play({"failed": True, "msg": "The kubelet does not run.", "put_back": True}).run("step")
    assert (failed["failed"], failed["changed"], failed["put_back"]) == (True, False, True)
    assert failed["msg"] == "The kubelet does not run."


@pytest.mark.parametrize("operation", ["plan", "step"])
def test_wrong_settings_stop_before_the_node_is_asked(operation):
    play = Play()
    failed = play.run(operation, audience="", cache_duration="soon")
    assert failed["failed"] and play.steps == []
    assert "irsa_image_pulls_audience" in failed["msg"] and "irsa_image_pulls_cache_duration" in failed["msg"]


def test_kubelets_may_request_tokens_for_the_audience_and_no_other():
    role, binding = provider.rights("sts.amazonaws.com")
    assert [rule["resources"] for rule in role["rules"]] == [["sts.amazonaws.com"]]
    assert [subject["name"] for subject in binding["subjects"]] == ["system:nodes"]
    assert path_of(role).endswith(f"/clusterroles/{binding['roleRef']['name']}")
