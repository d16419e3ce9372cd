# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module irsa_node returned of a host: the forms of it that several parts read."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import PrivateKey

# A host with what was read of it. All of it is JSON, since it travels between tasks.
Reading = t.Mapping[str, t.Any]

# Runs module irsa_node on a host with these arguments, and returns what it found. Raises IrsaError.
Ask = t.Callable[[dict[str, t.Any]], dict[str, t.Any]]


def content(described: t.Mapping[str, t.Any] | None) -> bytes | None:
    """Return the content of a file that module irsa_node read."""
    encoded = (described or {}).get("content")
    return None if encoded is None else base64.b64decode(encoded)


def keys_of(reading: Reading) -> dict[str, t.Any]:
    """Return the values of a server that come of its files of keys; none if these were not read."""
    keys = reading.get("keys") or {}
    contents = {path: content(described) for path, described in (keys.get("files") or {}).items()}
    times = {path: described.get("modified") for path, described in (keys.get("files") or {}).items()}
    digests = {path: each for path, each in (keys.get("digests") or {}).items() if each}
    return {
        "key_files": {path: text for path, text in contents.items() if text is not None},
        "key_times": {path: time for path, time in times.items() if time is not None},
        "now": keys.get("now"),
        "private_keys": {path: PrivateKey(sha256=each["sha256"], kid=each["kid"]) for path, each in digests.items()},
    }


def faults_of_keys(inspected: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return what is wrong with files of public keys, by path."""
    return {path: fault for path, fault in inspected["public_keys"].items() if fault}
