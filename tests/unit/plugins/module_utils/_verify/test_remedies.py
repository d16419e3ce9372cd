# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remedies with the values of the user, and in the words that the user knows."""

from __future__ import annotations

import re

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import option_names
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.answer_meaning import SLOW
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE, OPTION, PLACEHOLDERS
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.remedies import (
    filled,
    values_of,
    values_of_subject,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report

BUCKET = "https://irsa-prod.s3.eu-west-1.amazonaws.com"
OTHER = "https://irsa.example.com"
GENERIC = PLACEHOLDERS["PROVISION"]


@pytest.fixture
def begin_with():
    """Sets how variables begin, for one test."""
    yield option_names.begin_with
    option_names.begin_with("")


def remedy(check, values):
    report = Report(values)
    report.error(check, "seen")
    return report.checks[0].remedy


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        (BUCKET, "-e irsa_issuer_bucket=irsa-prod -e irsa_issuer_region=eu-west-1 -e irsa_issuer_key_path=KEY"),
        (
            f"{BUCKET}/clusters/a",
            "-e irsa_issuer_region=eu-west-1 -e irsa_issuer_prefix=clusters/a -e irsa_issuer_key_path=KEY",
        ),
        (OTHER, GENERIC),
        ("https://irsa-prod.s3.amazonaws.com", GENERIC),
        (f"{BUCKET}/$(reboot)", GENERIC),
        ("not a URL", GENERIC),
    ],
)
def test_the_command_that_repairs_an_issuer_is_complete_but_for_the_key(issuer, expected):
    assert expected in remedy("object-exists", values_of(issuer))


def test_a_run_of_the_role_is_not_told_to_run_the_role(begin_with):
    begin_with("irsa_issuer_")
    assert remedy("algorithms", values_of(BUCKET)).startswith("Run this again. ")


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("", "connect_to"), ("irsa_verify_", "irsa_verify_connect_to"), ("irsa_issuer_", "irsa_issuer_connect_to")],
)
def test_options_have_the_names_that_the_user_set(begin_with, prefix, expected):
    begin_with(prefix)
    assert re.search(rf"set {expected} to", remedy("dns-resolve", values_of(OTHER)))


def test_the_role_calls_its_timeout_otherwise(begin_with):
    begin_with("irsa_issuer_")
    report = Report()
    report.error("http-response", "seen", SLOW.cause, remedy=SLOW.remedy)
    assert "with irsa_issuer_verify_timeout." in report.checks[0].remedy


def test_flags_and_commands_have_the_values_of_the_user():
    values = values_of(OTHER, audiences=["mine"], role_arn="arn:aws:iam::111122223333:role/app")
    values |= values_of_subject("system:serviceaccount:shop:till")
    assert "--service-account-issuer=https://irsa.example.com " in remedy("cluster-issuer", values)
    assert "kubectl create token till --namespace shop --audience mine`" in remedy("token-format", values)
    assert "the role arn:aws:iam::111122223333:role/app," in remedy("role-exists", values)


@pytest.mark.parametrize("value", ["a b", "a;reboot", "$(reboot)", "`reboot`", "a\nb", "'", "-x", "x" * 300])
def test_a_value_that_a_shell_would_obey_is_not_filled_in(value):
    values = values_of(value, audiences=[value], role_arn=value) | values_of_subject(f"system:serviceaccount:a:{value}")
    texts = "".join(filled(entry.remedy, values) for entry in CATALOGUE.values())
    assert texts == "".join(filled(entry.remedy, {}) for entry in CATALOGUE.values())


@pytest.mark.parametrize("check", CATALOGUE)
def test_no_markup_remains_without_values(check):
    text = filled(CATALOGUE[check].remedy, {})
    assert not OPTION.search(text) and "PROVISION" not in text and "SERVICE_ACCOUNT" not in text
