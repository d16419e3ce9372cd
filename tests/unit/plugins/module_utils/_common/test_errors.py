# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two kinds of errors: a whole message, and a fragment that a caller must complete."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil

import pytest

from ansible_collections.selfhosted.irsa.plugins import module_utils
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError, WriteFailed


def test_a_message_has_details_and_no_warnings():
    error = IrsaError("The bucket does not exist.", bucket="irsa")
    assert (str(error), error.details, error.warnings) == ("The bucket does not exist.", {"bucket": "irsa"}, ())


def test_a_failed_write_is_a_message_that_is_neither_a_conflict_nor_unsupported():
    failure = WriteFailed("The write failed.")
    assert isinstance(failure, IrsaError) and not failure.conflict and not failure.unsupported


def test_a_fault_is_not_caught_as_a_message():
    with pytest.raises(Fault), contextlib.suppress(IrsaError):
        raise Fault("it is not JSON")


def test_no_error_is_both_a_fault_and_a_message():
    for found in pkgutil.walk_packages(module_utils.__path__, module_utils.__name__ + "."):
        importlib.import_module(found.name)
    assert _descendants(Fault).isdisjoint(_descendants(IrsaError))


def _descendants(kind):
    return {kind}.union(*(_descendants(child) for child in kind.__subclasses__()))
