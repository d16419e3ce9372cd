# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module that changes a kubelet tells the log of its node."""

from __future__ import annotations

import base64
import json
import os

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from ansible_collections.selfhosted.irsa.plugins.module_utils._node import session
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_kubelet


def test_the_content_of_a_file_with_providers_of_others_is_in_no_log(monkeypatch, capsys):
    """The variables of a provider's process may be secrets, and ansible-core logs options on the node."""
    content = base64.b64encode(b'{"env": [{"name": "PASSWORD", "value": "of-others"}]}').decode()
    taken, logged = [], []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(session, "run", lambda work: work())
    monkeypatch.setattr(irsa_kubelet, "KubeletStep", lambda options: taken.append(options) or _Taken())
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda self, text, **more: logged.append(f"{text} {more}"))
    files = [{"path": "/a.yaml", "expected": None}, {"path": "/b", "expected": "0"}]
    step = {"files": files, "flags": {}, "timeout": 120}
    options = {"operation": "step", "step": step, "contents": [content, None]}
    with patch_module_args(options), pytest.raises(SystemExit):
        irsa_kubelet.main()
    said = capsys.readouterr().out
    assert json.loads(said)["found"] == {"seconds": 1.0}
    assert [each["content"] for each in taken[0]["files"]] == [content, None]
    assert logged and content not in "".join(logged) and content not in said


class _Taken:
    def take(self):
        return {"seconds": 1.0}
