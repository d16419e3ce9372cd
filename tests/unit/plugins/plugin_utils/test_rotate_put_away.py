# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of the files of keys that are given up."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts, PublishedKey, ServerKeys
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Event, Record
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_put_away as put_away
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_known import PrivateFile

NEW, OLD = "new-kid", "old-kid"
FOLDER = "/etc/kubernetes/pki/irsa"
STAGED = PrivateFile(kid=OLD, host="node1", path=f"{FOLDER}/{OLD}.key", sha256="0")
KEPT = PrivateFile(kid=OLD, host="node1", path=f"{FOLDER}/retired/{OLD}.key", sha256="0", is_retired=True)
NAMED = dataclasses.replace(STAGED, is_named=True)
SERVER = ServerKeys(name="node1", accepted=frozenset({NEW}), signing=NEW)
FACTS = Facts(now=2.0, controller=2.0, published=(PublishedKey(kid=NEW, algorithm=None),), servers=(SERVER,))
WITHDRAWN = Record.of([Event(kind="withdrawn", kid=OLD, at=1.0)])


def test_a_key_is_kept_where_no_run_takes_one_from_to_sign_with():
    [item] = put_away.items([STAGED, KEPT], "archive")
    assert item["arguments"] == {"operation": "retire_keys", "key_folder": FOLDER, "paths": [STAGED.path]}


def test_or_all_of_its_files_are_removed():
    [item] = put_away.items([KEPT, STAGED], "destroy")
    paths = [f"{FOLDER}/{name}{OLD}.{end}" for name in ("retired/", "") for end in ("key", "pub")]
    assert item["arguments"] == {"operation": "remove_keys", "key_folder": FOLDER, "paths": paths}


@pytest.mark.parametrize(
    ("file", "kids", "changed", "is_put_away"),
    [
        (STAGED, {OLD}, (), True),
        (STAGED, {NEW}, (), False),
        (NAMED, {OLD}, ("node2",), False),
        (NAMED, {OLD}, ("node1",), True),
    ],
)
def test_a_file_that_a_server_starts_with_stays_until_the_server_is_changed(file, kids, changed, is_put_away):
    assert put_away.of_dropped([file], kids, changed=changed) == [file] * is_put_away


@pytest.mark.parametrize(
    ("file", "record", "changes", "is_left_over"),
    [
        (STAGED, WITHDRAWN, {}, True),
        (STAGED, Record(), {}, False),
        (NAMED, WITHDRAWN, {}, False),
        (KEPT, Record(), {}, True),
        (KEPT, WITHDRAWN, {"accepted": frozenset({NEW, OLD})}, False),
        (KEPT, WITHDRAWN, {"accepted": None}, False),
        (KEPT, WITHDRAWN, {"signing": None}, False),
    ],
)
def test_only_a_key_that_nothing_uses_any_longer_is_left_over(file, record, changes, is_left_over):
    facts = dataclasses.replace(FACTS, servers=(dataclasses.replace(SERVER, **changes),))
    assert put_away.left_over([file], facts, record) == [file] * is_left_over
