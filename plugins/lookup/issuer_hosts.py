# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: issuer_hosts
short_description: List the hosts that get the result of role irsa_issuer
version_added: 0.1.0
description:
  - This lookup is private to role P(selfhosted.irsa.irsa_issuer#role) and may change at any time.
  - It returns this host and, if the role is run once for a cluster of several servers, the other hosts of the play.
    In a fleet, where each host runs the role for itself, it returns only this host.
options:
  _terms:
    description: Not used. The hosts are read from the variables of the play.
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Leave the issuer for the plays that follow
  ansible.builtin.set_fact:
    issuer: "{{ irsa_issuer_result.issuer }}"
  loop: "{{ query('selfhosted.irsa.issuer_hosts') }}"
  delegate_to: "{{ item }}"
  delegate_facts: true
"""

RETURN = r"""
_raw:
  description: Names of hosts, this host first.
  type: list
  elements: str
"""

import typing as t

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(
        self, terms: t.Sequence[t.Any], variables: t.Mapping[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[str]:
        variables = variables or {}
        name, play = variables["inventory_hostname"], variables["ansible_play_name"]
        others = [host for host in variables["ansible_play_hosts"] if host != name]
        for host in others:
            # What run_once registers is on every host, and names the host that ran it. The search ends at the first
            # host that ran the role for itself, since a fleet may be large.
            run = variables["hostvars"][host].get("__irsa_issuer_run") or {}
            if run.get("failed") or run.get("ran_for") == f"{play} on {host}":
                return [name]
        return [name, *others]
