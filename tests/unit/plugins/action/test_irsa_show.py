# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of irsa_show are what its documentation says, and what it prints follows them."""

from __future__ import annotations

from unittest import mock

import pytest
import yaml
from ansible.errors import AnsibleError

from ansible_collections.selfhosted.irsa.plugins.action import irsa_show as action
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_show as module

REMOVED = {
    "issuer": "https://irsa-prod.s3.eu-west-1.amazonaws.com",
    "provider_arn": "arn:aws:iam::123456789012:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com",
    "bucket": "irsa-prod",
    "actions": ["iam:DeleteOpenIDConnectProvider"],
    "kept": ["bucket irsa-prod"],
    "changed": True,
}


@pytest.fixture
def shown(monkeypatch):
    """The texts of the lines that were printed."""
    lines = []
    monkeypatch.setattr(action.Printer, "show", lambda self, more: lines.extend(line.text for line in more))
    return lines


def show(**options):
    task = mock.Mock(args=options, async_val=0, check_mode=False)
    connection = mock.Mock(**{"_shell.tmpdir": None})
    plugin = action.ActionModule(
        task, connection, play_context=mock.Mock(), loader=mock.Mock(), templar=mock.Mock(), shared_loader_obj=None
    )
    return plugin.run(task_vars={"ansible_play_hosts_all": ["localhost"]})


def kept(lines):
    return [line for line in lines if "to delete" in line]


@pytest.mark.parametrize(("key", "number"), [("/keys/sa.key on localhost", 2), ("", 1)])
def test_bucket_and_key_are_said_to_be_kept(shown, key, number):
    show(subject="teardown", results={"localhost": REMOVED}, kept_key=key)
    assert len(kept(shown)) == number


@pytest.mark.parametrize("results", [{}, {"a": REMOVED, "b": REMOVED}], ids=["none", "two"])
def test_teardown_is_of_one_host(shown, results):
    with pytest.raises(AnsibleError, match="With subject=teardown, results must be those of one host"):
        show(subject="teardown", results=results)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subject": "other", "results": {}}, "subject"),
        ({"results": {}}, "subject"),
        ({"subject": "verify", "results": "text"}, "results"),
        ({"subject": "verify", "results": {}, "color": True}, "color"),
    ],
)
def test_what_the_documentation_does_not_allow_is_refused(shown, options, message):
    with pytest.raises(AnsibleError, match=message):
        show(**options)
    assert shown == []


def test_options_are_those_of_the_documentation():
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    names = ("type", "choices", "required", "default")
    assert {
        option: {name: values[name] for name in names if name in values} for option, values in documented.items()
    } == action.ARGUMENT_SPEC
