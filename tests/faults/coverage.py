# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which API calls the collection can make, by the names of operations in its source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import botocore.session

SERVICES = ("s3", "s3control", "iam", "sts")
_NAME = re.compile(r'"([A-Z][A-Za-z]+)"')


def operations(sources: Path) -> set[str]:
    """:return: the operations of these services that are named in a string of any file in a folder"""
    session = botocore.session.Session()
    known = {name for service in SERVICES for name in session.get_service_model(service).operation_names}
    files = sources.rglob("*.py")
    return {name for file in files for name in _NAME.findall(file.read_text(encoding="utf-8")) if name in known}


def untried(sources: Path, labels: Iterable[str]) -> list[str]:
    """:return: the operations that none of these calls makes"""
    tried = {label.partition(":")[2].partition(" ")[0] for label in labels}
    return sorted(operations(sources) - tried)
