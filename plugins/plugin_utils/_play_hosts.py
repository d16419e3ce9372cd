# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a playbook's play: those that irsa_control_plane or the inventory names, and none besides."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hosts:
    """The hosts of the play, and those that it should have: ``matching`` are the hosts that ``pattern`` matches, which
    is empty if neither the user nor the inventory names any. ``limited`` says that --limit left some of them out.
    """

    pattern: str
    matching: t.Sequence[str]
    of_play: t.Sequence[str]
    limited: bool = False


def of(pattern: str, matching: t.Sequence[str], variables: t.Mapping[str, t.Any]) -> Hosts:
    """Return the hosts that a pattern matches, with those of the play whose variables these are."""
    return Hosts(
        pattern=pattern,
        matching=matching,
        of_play=variables["ansible_play_hosts_all"],
        limited="ansible_limit" in variables,
    )


def problems(hosts: Hosts, *, instead: str = "", needs_hosts: bool = True) -> t.Iterator[str]:
    """Yield why the play cannot work on its hosts. ``instead`` says what else can be done if there are none."""
    if hosts.matching:
        yield from _play_problems(hosts)
    elif hosts.pattern:
        yield (
            f"irsa_control_plane is {quoted(hosts.pattern)}, but no host of the inventory matches this pattern. Set it "
            "to the hosts that the API servers run on."
        )
    elif needs_hosts:
        said = (
            "There is no control plane to work on. Pass an inventory whose group control_plane or kube_control_plane "
            "has the hosts that the API servers run on, or name these hosts with irsa_control_plane."
        )
        yield f"{said} {instead}".rstrip()


def _play_problems(hosts: Hosts) -> t.Iterator[str]:
    """Yield that the play runs on other hosts than the variables say: Ansible chooses the hosts of a play before it
    reads the variables of the inventory.
    """
    matching, of_play = set(hosts.matching), set(hosts.of_play)
    if of_play <= matching and (of_play == matching or hosts.limited):
        return
    yield (
        f"irsa_control_plane is {quoted(hosts.pattern)} in the inventory, which is {listed(sorted(matching))}, but the "
        f"play runs on {listed(sorted(of_play))}. A variable of the inventory cannot choose the hosts of a play. Pass "
        "this one with -e."
    )
