# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook of amazon.aws and openssl, which comes as near as one gets without this collection."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ..surroundings import ACCOUNT, BUCKET, REGION, TAGS, Surroundings
from .contestant import Playbook, write_yaml

PLAYBOOK = Path(__file__).with_name("amazon_aws.yml")


class AmazonAws(Playbook):
    key = "amazon.aws"
    title = "a playbook of amazon.aws modules (a role in place of the provider)"

    def why_not(self, surroundings: Surroundings) -> str | None:
        return (
            None
            if shutil.which("openssl") and shutil.which("basenc")
            else "no program `openssl` or `basenc` on the PATH"
        )

    def prepare(self, surroundings: Surroundings) -> None:
        shutil.copy(PLAYBOOK, surroundings.folder)
        write_yaml(
            surroundings.folder / "variables.yml",
            {"bucket": BUCKET, "region": REGION, "account": ACCOUNT, "wanted_tags": TAGS},
        )

    def arguments(self, surroundings: Surroundings) -> Sequence[str]:
        return [PLAYBOOK.name, "--extra-vars=@variables.yml"]
