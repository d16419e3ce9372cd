# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger: what a run did so far, for its result and for the report of a failure."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import (
    Change,
    Ledger,
    as_text,
    diff_entry,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamedChange(Change):
    name: str

    @property
    def action(self):
        return f"s3:{self.name}"


def change(name, **more):
    return NamedChange(name=name, **{"target": "bucket irsa", "part": "policy", **more})


PUT_POLICY, PUT_TAGGING = change("PutBucketPolicy"), change("PutBucketTagging", part="tags")
KEYPAIR = {
    "changed": True,
    "actions": ["create /etc/sa.key"],
    "diff": {"before": "", "after": "a key\n"},
    "warnings": ["a warning"],
}


def failure_in(ledger, error, *changes):
    """The error as the ledger lets it out, after these changes."""
    with pytest.raises(IrsaError) as caught, ledger.reported_on_failure():
        _record_and_fail(ledger, changes, error)
    assert caught.value is error
    return error


def _record_and_fail(ledger, changes, error, *, warnings=()):
    ledger.warn(warnings)
    for each in changes:
        ledger.record(each)
    raise error


class TestRecord:
    def test_a_new_ledger_is_empty(self):
        ledger = Ledger(check_mode=False)
        assert (ledger.changed, ledger.changes, ledger.actions, ledger.diff, ledger.warnings) == (False, [], [], [], [])

    def test_recorded_changes_keep_their_order(self):
        ledger = Ledger(check_mode=False)
        ledger.record(PUT_POLICY)
        ledger.record(PUT_TAGGING)
        assert ledger.changed
        assert ledger.changes == [PUT_POLICY, PUT_TAGGING]
        assert ledger.actions == ["s3:PutBucketPolicy", "s3:PutBucketTagging"]
        assert ledger.diff == [diff_entry(PUT_POLICY), diff_entry(PUT_TAGGING)]

    def test_check_mode_records_planned_changes(self):
        ledger = Ledger(check_mode=True)
        ledger.record(PUT_POLICY)
        assert ledger.changed and ledger.actions == ["s3:PutBucketPolicy"]

    def test_a_result_adds_actions_diff_and_warnings(self):
        ledger = Ledger(check_mode=False)
        ledger.record(PUT_POLICY)
        ledger.record_result(KEYPAIR)
        assert ledger.actions == ["s3:PutBucketPolicy", "create /etc/sa.key"]
        assert ledger.diff == [diff_entry(PUT_POLICY), KEYPAIR["diff"]]
        assert ledger.warnings == ["a warning"]
        assert ledger.changes == [PUT_POLICY]  # what another module did is not a change that can be planned here

    def test_an_unchanged_result_adds_only_its_warnings(self):
        ledger = Ledger(check_mode=False)
        ledger.record_result({**KEYPAIR, "changed": False, "actions": []})
        assert (ledger.changed, ledger.diff, ledger.warnings) == (False, [], ["a warning"])

    def test_a_result_is_not_changed_by_the_ledger(self):
        ledger = Ledger(check_mode=False)
        ledger.record_result(KEYPAIR)
        ledger.record(PUT_POLICY)
        ledger.warn(["another"])
        assert KEYPAIR["actions"] == ["create /etc/sa.key"] and KEYPAIR["warnings"] == ["a warning"]

    def test_each_warning_is_kept_once(self):
        ledger = Ledger(check_mode=False)
        ledger.warn(["first", "second", "first"])
        ledger.warn(["second", "third"])
        assert ledger.warnings == ["first", "second", "third"]


class TestReportedOnFailure:
    def test_success_reports_nothing(self):
        ledger = Ledger(check_mode=False)
        with ledger.reported_on_failure():
            ledger.record(PUT_POLICY)
        assert ledger.actions == ["s3:PutBucketPolicy"]

    def test_a_failure_lists_the_writes_before_it(self):
        error = failure_in(Ledger(check_mode=False), IrsaError("failed", reason="x"), PUT_POLICY, PUT_TAGGING)
        assert error.details == {
            "reason": "x",
            "changed": True,
            "actions": ["s3:PutBucketPolicy", "s3:PutBucketTagging"],
            "diff": [diff_entry(PUT_POLICY), diff_entry(PUT_TAGGING)],
        }

    def test_a_failure_before_any_write_lists_none(self):
        error = failure_in(Ledger(check_mode=False), IrsaError("failed"))
        assert error.details == {"changed": False, "actions": [], "diff": []}

    def test_a_failure_in_check_mode_lists_no_writes(self):
        assert failure_in(Ledger(check_mode=True), IrsaError("failed"), PUT_POLICY).details == {}

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_a_failure_has_the_warnings_before_its_own(self, check_mode):
        ledger = Ledger(check_mode)
        ledger.warn(["first", "second"])
        error = IrsaError("failed")
        error.warnings = ["second", "own"]
        assert failure_in(ledger, error).warnings == ["first", "second", "own"]

    def test_a_failure_in_nested_contexts_lists_each_write_and_warning_once(self):
        ledger = Ledger(check_mode=False)
        ledger.record(PUT_POLICY)
        ledger.warn(["outer"])
        with pytest.raises(IrsaError) as caught, ledger.reported_on_failure(), ledger.reported_on_failure():
            _record_and_fail(ledger, [PUT_TAGGING], IrsaError("failed"), warnings=["inner"])
        assert caught.value.details["actions"] == ["s3:PutBucketPolicy", "s3:PutBucketTagging"]
        assert len(caught.value.details["diff"]) == 2
        assert caught.value.warnings == ["outer", "inner"]

    def test_what_another_module_did_before_it_failed_is_listed(self):
        ledger = Ledger(check_mode=False)
        error = IrsaError("disk full", changed=True, actions=["file:CreatePrivateKey"], diff={"after": "a key"})
        ledger.record(PUT_POLICY)
        with pytest.raises(IrsaError) as caught, ledger.reported_on_failure(), ledger.recorded_if_failed():
            raise error
        assert caught.value.details["actions"] == ["s3:PutBucketPolicy", "file:CreatePrivateKey"]
        assert caught.value.details["diff"] == [diff_entry(PUT_POLICY), {"after": "a key"}]

    def test_exceptions_other_than_irsa_error_pass(self):
        ledger = Ledger(check_mode=False)
        with pytest.raises(ValueError, match="a defect"), ledger.reported_on_failure():
            raise ValueError("a defect")


class TestDiff:
    def test_json_in_a_diff_is_sorted_and_indented(self):
        entry = diff_entry(change("A", part="tags", before={"b": 1, "a": [2]}))
        assert entry["before"] == '{\n  "a": [\n    2\n  ],\n  "b": 1\n}\n'
        assert entry["after"] == ""
        assert entry["before_header"] == entry["after_header"] == "bucket irsa (tags)"
        assert json.loads(entry["before"]) == {"b": 1, "a": [2]}

    @pytest.mark.parametrize(
        ("value", "text"),
        [(None, ""), ("a line", "a line\n"), ("a line\n", "a line\n"), (True, "true\n"), ([], "[]\n"), ("", "\n")],
        ids=["nothing", "line", "whole line", "true", "list", "empty"],
    )
    def test_every_value_in_a_diff_is_whole_lines(self, value, text):
        assert as_text(value) == text
