# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs all contestants, and writes docs/benchmarks.md and docs/benchmarks.svg.

BENCH_REPEAT (repetitions) and BENCH_FLEETS (sizes, with commas) in the environment make it shorter or longer.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from .cloud import Cloud
from .contestants.amazon_aws import AmazonAws
from .contestants.by_hand import ByHand
from .contestants.contestant import Contestant
from .contestants.pings import EmptyPlay, Pings
from .contestants.role import Fleet, Role
from .contestants.terraform import Terraform
from .distance import Distance
from .goals import STATE
from .machine import machine, versions
from .report import Report
from .rounds import Entry, Rounds

REPOSITORY = Path(__file__).resolve().parents[2]
COLLECTIONS = "ANSIBLE_COLLECTIONS_PATH"
# Larger fleets are run once: each is as many repetitions in one.
ONCE_FROM = 1000


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--repeat", type=int, default=int(os.environ.get("BENCH_REPEAT", "5")), help="of one cluster")
    parser.add_argument("--fleets", default=os.environ.get("BENCH_FLEETS", "1,10,100,1000"), help="sizes, with commas")
    parser.add_argument("--quick", action="store_true", help="one repetition, fleets of 1 and 3")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs", help="folder that it writes into")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.repeat, arguments.fleets = 1, "1,3"
    if arguments.repeat < 1:
        parser.error("there is nothing to repeat")
    arguments.fleets = sorted({int(size) for size in arguments.fleets.split(",") if size})
    return arguments


def main() -> None:
    arguments = parse_arguments()
    if COLLECTIONS not in os.environ:
        raise SystemExit(f"{COLLECTIONS} is to say where the collection and amazon.aws are; make bench does")
    collections = Path(os.environ[COLLECTIONS])
    few = max(1, min(3, arguments.repeat))
    load = os.getloadavg()[0]

    role, by_account, terraform = Role(), Role(account_known=True), Terraform()
    single: list[Contestant] = [EmptyPlay(), Pings(), role, Role(direct=False), AmazonAws(), ByHand(), terraform]
    distant: list[Contestant] = [role, AmazonAws(), ByHand(), terraform]
    small = [size for size in arguments.fleets if size < ONCE_FROM]
    fleets: list[tuple[Contestant, int]] = [(Fleet(size), size) for size in small]
    if STATE in arguments.fleets:
        fleets += [(Fleet(STATE, shared=False), STATE)]
        fleets += [(Terraform(STATE), STATE), (Terraform(STATE, shared=True), STATE)]
    large: list[tuple[Contestant, int]] = [(Fleet(size), size) for size in arguments.fleets if size >= ONCE_FROM]

    with tempfile.TemporaryDirectory(prefix="irsa-bench-") as folder, Cloud(Path(folder)) as cloud:
        with Distance(cloud.port) as distance:
            rounds = Rounds(cloud, Path(folder), collections)
            admitted = rounds.admit(single)
            rounds.warm_up([Entry(who, cloud.port) for who in admitted])
            rounds.alternate([Entry(who, cloud.port) for who in admitted], arguments.repeat)
            admitted = [who for who in distant if who.key not in rounds.results.missing]
            # Round trips are a small difference of two runs, which are therefore taken beside one another and often.
            near, far = Entry(by_account, cloud.port), Entry(by_account, distance.port, far=True)
            rounds.alternate([near, far], arguments.repeat)
            rounds.alternate([Entry(who, distance.port, far=True) for who in admitted], few)
        state = rounds.admit([who for who, size in fleets])
        rounds.alternate([Entry(who, cloud.port) for who in state], few)
        rounds.alternate([Entry(who, cloud.port) for who, size in large], 1)

    report = Report(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        surroundings=[
            *machine(),
            ("load at the start", f"{load:.2f}"),
            (
                "repetitions",
                f"{arguments.repeat}; {few} for fleets and over the network; 1 for {ONCE_FROM:,} clusters and more",
            ),
            *versions(collections),
            ("its AWS provider", terraform.provider),
        ],
        results=rounds.results,
        single=[*single, by_account],
        far=[by_account, *distant],
        fleets=sorted([(terraform, 1), *fleets, *large], key=lambda fleet: fleet[1]),
    )
    write(arguments.output, report)


def write(folder: Path, report: Report) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    plot = folder / "benchmarks.svg"
    plot.write_text(report.plot(), encoding="utf-8")
    page = folder / "benchmarks.md"
    page.write_text(report.markdown(plot.name) + "\n", encoding="utf-8")
    print(f"\n{page}\n{plot}")


if __name__ == "__main__":
    main()
