# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules run by their own main(), with options as in a task."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import io
import json
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.module_utils.testing import patch_module_args

MODULES = "ansible_collections.selfhosted.irsa.plugins.modules"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """A module with its options.

    :ivar module: its name, of another collection with that in front
    :ivar then: makes further steps of its result, which come next
    """

    module: str
    options: Mapping[str, Any]
    then: Callable[[Mapping[str, Any]], Iterable[Step]] = lambda result: ()

    @property
    def is_of_others(self) -> bool:
        return "." in self.module

    @property
    def main(self) -> Callable[[], None]:
        """:return: what would run on a host"""
        *collection, name = self.module.split(".")
        package = f"ansible_collections.{'.'.join(collection)}.plugins.modules" if collection else MODULES
        entry: Callable[[], None] = importlib.import_module(f"{package}.{name}").main
        return entry


@dataclasses.dataclass(kw_only=True)
class Run:
    """One run of some modules, up to the first that failed, or of a playbook.

    :ivar results: what each returned
    :ivar printed: everything that was printed
    :ivar broke: the exception that left a module, as Python shows it
    :ivar is_planned: whether its actions are a plan, which modules of another collection carried out in their own order
    :ivar ended_elsewhere: whether it ended with a failure of a module of another collection
    """

    results: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    printed: str = ""
    broke: str | None = None
    is_planned: bool = False
    ended_elsewhere: bool = False

    @property
    def failed(self) -> bool:
        return self.broke is not None or any(result.get("failed") for result in self.results)

    @property
    def message(self) -> str:
        """:return: that of the module that failed; nothing if none did"""
        return " ".join(str(result.get("msg")) for result in self.results if result.get("failed"))

    @property
    def changed(self) -> bool:
        return any(result.get("changed") for result in self.results)

    @property
    def actions(self) -> list[str]:
        return [action for result in self.results for action in result.get("actions", [])]

    @property
    def verdicts(self) -> list[str]:
        """:return: what irsa_verify found"""
        return [str(result["verdict"]) for result in self.results if "verdict" in result]


def run(steps: Sequence[Step]) -> Run:
    """Runs modules in this process, one after the other."""
    done = Run()
    left = list(steps)
    while left and not done.failed:
        step = left.pop(0)
        printed = io.StringIO()
        main = step.main
        done.is_planned |= step.is_of_others
        try:
            with (
                contextlib.redirect_stdout(printed),
                contextlib.redirect_stderr(printed),
                patch_module_args(dict(step.options)),
                contextlib.suppress(SystemExit),
            ):
                main()
        except Exception:  # noqa: BLE001 # what a user would see as a traceback is what is looked for
            done.broke = traceback.format_exc()
        done.printed += printed.getvalue()
        if done.broke is None:
            done.results.append(json.loads(printed.getvalue().splitlines()[-1]))
        if done.failed:
            done.ended_elsewhere = step.is_of_others
        else:
            left[:0] = step.then(done.results[-1])
    return done
