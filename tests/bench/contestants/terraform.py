# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Terraform with the aws provider: the same bucket, access block, policy, tags, documents and OIDC provider.

It is handed the public keys; making them, and `terraform init`, are not measured.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ..measuring import Command, CommandFailed
from ..surroundings import BUCKET, REGION, TAGS, Surroundings
from .contestant import FIRST, Contestant, write_yaml
from .documents import bucket_policy, discovery, issuer, key_set

CONFIGURATION = Path(__file__).with_name("terraform.tf")
# A folder as `terraform init -plugin-dir` takes it. Without it Terraform's own settings say where its providers are.
PLUGINS = "IRSA_BENCH_TERRAFORM_PLUGINS"
INSTALLED = re.compile(r"Installed hashicorp/aws v(\S+)")
APPLIED = re.compile(r"Apply complete! Resources: (\d+) added, (\d+) changed, (\d+) destroyed")


class Terraform(Contestant):
    """One state with all clusters.

    :ivar clusters: how many
    :ivar shared: one bucket with a prefix for each of them, or a bucket each
    :ivar provider: the version of the provider aws, once it has been looked for
    """

    provider = "not there"

    def __init__(self, clusters: int = 1, *, shared: bool = False) -> None:
        self.key = f"terraform-{clusters}{'-shared' if shared else ''}"
        self.title = f"Terraform, {clusters} cluster{'s' if clusters > 1 else ''} in one state"
        self.title += ", one bucket" if shared else ""
        self._variables = variables(clusters, shared=shared)

    def why_not(self, surroundings: Surroundings) -> str | None:
        if not shutil.which("terraform"):
            return "no program `terraform` on the PATH"
        self._initialized = surroundings.folder
        shutil.copy(CONFIGURATION, self._initialized / "main.tf")
        plugins = [f"-plugin-dir={os.environ[PLUGINS]}"] if PLUGINS in os.environ else []
        done = subprocess.run(
            ["terraform", "init", "-input=false", "-no-color", *plugins],
            cwd=self._initialized,
            env={**os.environ, "TF_CLI_CONFIG_FILE": settings()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            print(done.stdout, done.stderr, sep="")
            return f"`terraform init` found no provider aws; {PLUGINS} may name a folder of plugins"
        found = INSTALLED.search(done.stdout)
        self.provider = found[1] if found else "unknown"
        return None

    def prepare(self, surroundings: Surroundings) -> None:
        for name in ("main.tf", ".terraform", ".terraform.lock.hcl"):
            (surroundings.folder / name).symlink_to(self._initialized / name)
        write_yaml(surroundings.folder / "terraform.tfvars.json", self._variables)

    def command(self, surroundings: Surroundings, phase: str) -> Command:
        return Command(
            ["terraform", "apply", "-auto-approve", "-input=false", "-no-color"],
            surroundings.folder,
            self._environment(surroundings),
        )

    def check(self, phase: str, output: str) -> None:
        applied = APPLIED.search(output)
        if not applied or any(int(count) > 0 for count in applied.groups()) is not (phase == FIRST):
            raise CommandFailed(f"{self.title}, {phase}: not what was to be shown:\n{output}")

    def _environment(self, surroundings: Surroundings) -> dict[str, str]:
        # It would ask its maker for news.
        return {**surroundings.environment, "CHECKPOINT_DISABLE": "true"}


def settings() -> str:
    """:return: the file of Terraform's own settings that is named, or nothing: one that is not there is complained
    about
    """
    named = os.environ.get("TF_CLI_CONFIG_FILE", "")
    return named if Path(named).is_file() else ""


def variables(clusters: int, *, shared: bool) -> dict[str, Any]:
    """:return: the configuration's variables"""
    names = [f"cluster-{number:04}" for number in range(clusters)]
    bucket = {name: BUCKET if shared else f"bench-{name}" for name in names}
    prefix = {name: f"{name}/" if shared else "" for name in names}
    keys = key_set()
    return {
        "region": REGION,
        "tags": TAGS,
        "buckets": {bucket: bucket_policy(bucket, "*/" if shared else "") for bucket in bucket.values()},
        "clusters": {
            name: {
                "bucket": bucket[name],
                "prefix": prefix[name],
                "host": issuer(bucket[name], prefix[name]).removeprefix("https://"),
                "keys": keys,
                "discovery": discovery(issuer(bucket[name], prefix[name])),
            }
            for name in names
        },
    }
