# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shell procedure with the AWS CLI. It can be run once: a second run fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..measuring import Command
from ..surroundings import BUCKET, TAGS, Surroundings
from .contestant import FIRST, Contestant

PROCEDURE = Path(__file__).with_name("by_hand")
# The folder of the program aws, which has a virtual environment of its own, since it pins botocore.
AWS_CLI = "IRSA_BENCH_AWS_CLI"


def aws_cli() -> str | None:
    return shutil.which("aws", path=os.environ.get(AWS_CLI, os.environ["PATH"]))


class ByHand(Contestant):
    key = "by hand"
    title = "the shell procedure with the AWS CLI"
    phases = (FIRST,)

    def why_not(self, surroundings: Surroundings) -> str | None:
        for program in ("openssl", "ssh-keygen", "basenc"):
            if not shutil.which(program):
                return f"no program `{program}` on the PATH"
        return None if aws_cli() else f"no program `aws` on the PATH, nor in a folder named by {AWS_CLI}"

    def command(self, surroundings: Surroundings, phase: str) -> Command:
        program = aws_cli()
        assert program
        environment = surroundings.environment
        environment["PATH"] = os.pathsep.join([str(Path(program).parent), environment["PATH"]])
        environment["BUCKET"] = BUCKET
        environment["TAGS"] = ",".join(f"Key={key},Value={value}" for key, value in TAGS.items())
        return Command(["bash", str(PROCEDURE)], surroundings.folder, environment)
