# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts every fault into every call, tells what is wrong, and ends with status 1 if anything is.

A whole run writes its figures into docs/reliability.md. Every run writes what it tried into .build/faults.md.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from ansible.release import __version__ as core_version

from .coverage import untried
from .matrix import Choice, only, run_matrix, sample
from .report import Report, with_figures
from .trials import WRONG, Verdict

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "reliability.md"
WHOLE = REPOSITORY / ".build" / "faults.md"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="", help="texts, with semicolons: tries whose names have one of them")
    parser.add_argument("--sample", action="store_true", help="a few tries of each scenario")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    is_whole = not arguments.sample and not arguments.only
    started = time.monotonic()
    verdicts = list(_verdicts(sample if arguments.sample else only(arguments.only), started))
    made = f"Made on {datetime.now(UTC):%Y-%m-%d} from commit {_commit()} with ansible-core {core_version} and Python "
    report = Report(
        verdicts=verdicts,
        made=f"{made}{platform.python_version()}.",
        untried=untried(REPOSITORY / "plugins", {verdict.trial.label for verdict in verdicts}) if is_whole else None,
    )
    WHOLE.parent.mkdir(exist_ok=True)
    WHOLE.write_text(report.whole(), encoding="utf-8")
    if is_whole:
        PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8"), report.figures()), encoding="utf-8")
    print(f"\n{report.figures()}\n\n{report.summary()} in {time.monotonic() - started:.0f} s; more in {WHOLE}")
    return int(bool(report.wrong))


def _verdicts(choose: Choice, started: float) -> list[Verdict]:
    verdicts = []
    with tempfile.TemporaryDirectory(prefix="irsa-faults-") as folder:
        for progress in run_matrix(Path(folder), choose):
            verdicts.append(progress.verdict)
            if progress.verdict.outcome == WRONG:
                print("\n  ".join([progress.verdict.trial.name, *progress.verdict.faults]), flush=True)
            if progress.done == progress.of:
                print(f"{progress.scenario}: {progress.of} tries, {time.monotonic() - started:.0f} s", flush=True)
    return verdicts


def _commit() -> str:
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
