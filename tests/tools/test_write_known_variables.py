# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest

import write_known_variables
from write_variables import REPOSITORY

# Documented before they are there.
PROMISED = {
    *("irsa_issuer_documents_path", "irsa_issuer_result_path"),
    *("irsa_issuer_former_issuers", "irsa_issuer_apiserver_key_dir"),
}


def test_names_are_up_to_date_with_roles_and_playbooks() -> None:
    """If they are not, run `make guide`."""
    assert write_known_variables.FILE.read_text(encoding="utf-8") == write_known_variables.contents()


def test_every_variable_in_the_documentation_is_known() -> None:
    files = [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    files += (REPOSITORY / "roles").glob("*/README.md")
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    prefixes = "|".join(write_known_variables.PREFIXES)
    named = set(re.findall(rf"(?<![\w.])(?:{prefixes})[a-z0-9_]*[a-z0-9]\b(?![*_…])", text))
    assert named - write_known_variables.MODULES - PROMISED <= write_known_variables.known_names()


@pytest.mark.parametrize("name", ["irsa_hosts", "irsa_direct", "irsa_control_plane", "irsa_issuer_result"])
def test_parameters_of_playbooks_and_results_are_known(name: str) -> None:
    assert name in write_known_variables.known_names()


@pytest.mark.parametrize("name", ["irsa_issuer", "irsa_bucket", "irsa_verify"])
def test_modules_and_roles_are_no_variables(name: str) -> None:
    assert name not in write_known_variables.known_names()
