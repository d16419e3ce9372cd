# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import write_troubleshooting


def test_the_guide_is_generated_from_the_catalogue() -> None:
    """`make guide` writes it."""
    written = write_troubleshooting.GUIDE.read_text(encoding="utf-8")
    assert written == write_troubleshooting.guide(write_troubleshooting.load_catalogue())


def test_the_guide_explains_every_check_and_its_links_lead_to_them() -> None:
    written = write_troubleshooting.GUIDE.read_text(encoding="utf-8")
    catalogue = write_troubleshooting.load_catalogue()
    assert re.findall(r"^### (.+)$", written, re.MULTILINE) == list(catalogue)
    assert set(re.findall(r"\]\(#([a-z0-9-]+)\)", written)) <= {*catalogue, "by-check"}
    for entry in catalogue.values():
        assert entry.cause and entry.remedy and entry.title


def test_the_guide_lists_the_errors_that_pods_log() -> None:
    """The errors of STS that the AWS SDKs pass on, as pods log them."""
    written = write_troubleshooting.GUIDE.read_text(encoding="utf-8")
    for error in (
        "Couldn't retrieve verification key",
        "No OpenIDConnect provider found",
        "Incorrect token audience",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        "ExpiredToken",
        "IDPCommunicationError",
    ):
        assert error in written
