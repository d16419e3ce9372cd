# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: ``python -m tests.sandbox {run,start,stop,serve} --state DIR``."""

from __future__ import annotations

import argparse
import sys

from . import background
from .run import run, serve


def main() -> int:
    """:return: the exit code, for `run` that of the command"""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="action", required=True)
    texts = {
        "run": "start, run a command in the sandbox's environment, stop",
        "start": "start in the background and print the environment",
        "stop": "stop what start started",
        "serve": "start in the foreground, until stopped",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--state", required=True, metavar="DIR", help="folder for certificates, log and lock")
        if name == "run":
            command.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ARGS")
        if name == "serve":
            command.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.action == "run":
        command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
        if not command:
            parser.error("run needs a command: run --state DIR -- COMMAND ARGS")
        return run(arguments.state, command)
    if arguments.action == "start":
        return background.start(arguments.state)
    if arguments.action == "stop":
        return background.stop(arguments.state)
    return serve(arguments.state, arguments.ready_fd)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except background.AlreadyRunning as error:
        sys.exit(str(error))
