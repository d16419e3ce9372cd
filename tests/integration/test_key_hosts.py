# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet whose inventory hosts hold the keys, as docs/fleets.md describes it."""

from __future__ import annotations

import re

from playbooks import Operator

# Connects to this machine, and logs which module each command runs; the controller's own tasks do not use it.
CONNECTION = '''
"""
DOCUMENTATION:
  name: logged
  extends_documentation_fragment: [connection_pipelining]
"""
import os
from ansible.plugins.connection.local import Connection as Local

class Connection(Local):
    transport = "logged"

    def exec_command(self, cmd, in_data=None, sudoable=True):
        with open(os.environ["CONNECTION_LOG"], "a", encoding="utf-8") as log:
            log.write(cmd + "\\n")
        return super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
'''


def test_only_the_key_task_runs_on_the_inventory_hosts(operator: Operator) -> None:
    (operator.folder / "logged.py").write_text(CONNECTION, encoding="utf-8")
    log = operator.folder / "commands.log"
    operator.environment = {"ANSIBLE_CONNECTION_PLUGINS": str(operator.folder), "CONNECTION_LOG": str(log)}
    operator.variables = {
        "irsa_issuer_bucket": "irsa-nodes",
        "irsa_issuer_prefix": "{{ inventory_hostname }}",
        "irsa_issuer_key_host": "{{ inventory_hostname }}",
        "irsa_issuer_key_path": f"{operator.keys}/{{{{ inventory_hostname }}}}.key",
    }
    hosts = {name: {"ansible_connection": "logged"} for name in ("paris-1", "paris-2")}

    first = operator.provision(hosts=hosts).ok()
    assert first.results.keys() == hosts.keys()
    assert {f"{name}.key" for name in hosts} <= {file.name for file in operator.key_files()}
    assert set(re.findall(r"AnsiballZ_(\w+)\.py", log.read_text(encoding="utf-8"))) == {"irsa_keypair"}

    second = operator.provision(hosts=hosts).ok()
    assert set(second.changed.values()) == {0}
