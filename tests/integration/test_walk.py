# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a reader types on a page, in order, in a fresh folder and an empty account, works.

`tests/tools/test_guide_blocks.py` finds blocks that are neither run here nor marked.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from copy_collection import source_files
from guide_blocks import REPOSITORY, Block, pages, script
from playbooks import COLLECTIONS, PATIENCE, Operator

pytestmark = pytest.mark.any_core

PAGES = {name: page for name, page in pages().items() if any(block.is_command for block in page)}

# As a reader has it: a shell that stops at the first failure, and credentials in profiles. The machine may be busy.
HEAD = f"""\
set -euo pipefail
cd ~/work
mkdir -m 700 ~/.aws
for profile in default prod; do
  printf '[%s]\\naws_access_key_id = %s\\naws_secret_access_key = %s\\n' \\
    $profile "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" >> ~/.aws/credentials
done
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SHARED_CREDENTIALS_FILE
mkdir group_vars
printf 'irsa_issuer_verify_timeout: {PATIENCE}\\nirsa_verify_timeout: {PATIENCE}\\n' > group_vars/all.yml
touch hosts
"""


def checkout(folder: Path) -> None:
    """Copies the files of this checkout, without what its tools have made."""
    for name in source_files(REPOSITORY):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, folder / name)


def collections_to_install_into(folder: Path) -> Path:
    """Makes a folder of collections that has the dependencies, so that nothing is fetched."""
    (folder / "ansible_collections").mkdir(parents=True)
    for path in os.environ[COLLECTIONS].split(os.pathsep):
        for namespace in ("amazon", "kubernetes"):
            link = folder / "ansible_collections" / namespace
            if (found := Path(path) / "ansible_collections" / namespace).is_dir() and not link.exists():
                link.symlink_to(found.resolve())
    return folder


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_everything_on_a_page_runs_in_order(page: list[Block], operator: Operator) -> None:
    steps = script(page)
    home = operator.folder / "reader"
    work = home / "work"
    work.mkdir(parents=True)
    environment = {"HOME": str(home), "ANSIBLE_INVENTORY": "hosts", "PIP_NO_INDEX": "1"}
    if "make build" in steps:
        checkout(work)
    if "collection install" in steps:
        environment[COLLECTIONS] = str(collections_to_install_into(operator.folder / "collections"))
    run = operator.launch(["bash", "-c", HEAD + steps], environment).wait()
    assert run.exit_code == 0, run.output
