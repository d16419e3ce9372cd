# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One API server for the preflight and the walk: what its files say, what runs, and what the goal means for it."""

from __future__ import annotations

import dataclasses
import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Goal, Server
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.phases import Target


@dataclasses.dataclass(frozen=True)
class View:
    """A server, with its arguments as its files give them (``written``) and as they run; None: not known.

    ``is_pending``: a service that has to be restarted before its files are what runs.
    """

    server: Server
    written: Arguments | None
    running: Arguments | None
    target: Target
    goal: Goal
    is_pending: bool = False

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def known(self) -> list[Arguments]:
        """What is known of its arguments, once or twice."""
        return [each for each in (self.written, self.running) if each is not None]

    def has_reached(self, phase: str) -> bool:
        """Whether its files and what runs are as they are after a phase. Not, if it is not known what runs."""
        if self.is_pending or self.running is None:
            return False
        return all(phases.is_after(phase, each, self.target) for each in self.known)

    @property
    def is_lacking(self) -> bool:
        """Whether it runs without the issuer or its own key, such as a server that joined later, or may do so until it
        restarts: to accept both is the first step.
        """
        if self.running is None:
            return False
        if self.is_pending:
            return True
        key = self.target.key
        return self.target.issuer not in self.running.values(ISSUER) or (
            key is not None and key.public not in self.running.values(KEY_FILE)
        )

    @property
    def signs(self) -> bool:
        """Whether it signs with the issuer, or is about to."""
        return any(each.values(ISSUER)[:1] == (self.target.issuer,) for each in self.known)


def target_of(arguments: Arguments | None, goal: Goal) -> Target:
    """Return the goal for a server with these arguments. An own key lies beside the cluster's key."""
    key = None
    folder = cluster_key_folder(arguments) if arguments else None
    if goal.own_kid and folder:
        key = phases.own_key_files(folder, goal.own_kid)
    return Target(
        issuer=goal.issuer,
        key=key,
        accepted_issuers=goal.accepted_issuers,
        accepted_key_files=goal.accepted_key_files,
        retired_keys=tuple(phases.own_key_files(folder, kid) for kid in sorted(goal.retired_kids) if folder),
    )


def cluster_key_folder(arguments: Arguments) -> str | None:
    """Return the folder of the cluster's key as the flags name it, None if they do not."""
    files = [file for file in arguments.values(KEY_FILE) if not phases.is_own_key(file)]
    return posixpath.dirname(files[0]) if files else None


def compared(view: View) -> t.Mapping[str, t.Any]:
    """Return what must be the same on all servers: flags without those that a walk that ended early has changed."""
    arguments = view.running or view.written
    if arguments is None:
        return {}
    ours, accepted = view.target.issuer, view.target.accepted_issuers
    key_files = {file for file in arguments.values(KEY_FILE) if not phases.is_own_key(file)}
    return {
        ISSUER: [issuer for issuer in arguments.values(ISSUER) if issuer not in (ours, *accepted)],
        # None where the cluster's own key is retired: a server that joined later has its file.
        KEY_FILE: sorted(key_files.difference(view.target.accepted_key_files)) if key_files else None,
        SIGNING_KEY_FILE: [file for file in arguments.values(SIGNING_KEY_FILE) if not phases.is_own_key(file)],
        API_AUDIENCES: [each for each in arguments.separated(API_AUDIENCES) or () if each != ours],
    }
