# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loads the libraries of ansible-playbook, and forks for each run of it that `preloaded.py` requests.

The fork gets the arguments, the folder, the environment and the output of the run. It executes the script of the
command and ends as the command does. Only what reads nothing of the environment is loaded here: `ansible.constants`,
which reads Ansible's settings, and all that needs it, is loaded by each run.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

# What these load is not repeated. Ansible's own come first: loaded after ansible.errors, the others know that they are
# on the controller.
LIBRARIES = (
    "ansible.errors",
    "ansible.config.manager",
    "ansible.module_utils.common.file",
    "ansible.module_utils.common.sys_info",
    "ansible.parsing.splitter",
    "ansible.utils.collection_loader",
    "ansible.utils.context_objects",
    "ansible.utils.helpers",
    "ansible.utils.multiprocessing",
    "ansible.vars.hostvars",
    "asyncio",
    "boto3.session",
    "botocore.client",
    "botocore.httpsession",
    "botocore.session",
    "botocore.signers",
    "concurrent.futures.thread",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "cryptography.hazmat.primitives.serialization.ssh",
    "cryptography.x509",
    "jinja2.nativetypes",
    "jinja2.sandbox",
    "jwcrypto.jwk",
    "multiprocessing.managers",
    "tarfile",
    "yaml",
)

# Those of amazon.aws and of this collection that a run loads most of.
COMPILED = (
    "amazon/aws/plugins/module_utils",
    "amazon/aws/plugins/plugin_utils",
    "selfhosted/irsa/plugins",
)


def compile_beforehand(collections: list[Path]) -> None:
    """Compile what a run may load of collections. Ansible's loader keeps no compiled code, so every run would do it."""
    finder = importlib.import_module("ansible.utils.collection_loader._collection_finder")
    code = {}
    for file in (
        file
        for path in collections
        for name in COMPILED
        for file in (path / "ansible_collections" / name).rglob("*.py")
    ):
        source = file.read_bytes()
        code[str(file), source] = compile(source, str(file), "exec", dont_inherit=True)

    def compiled(*, source: bytes, filename: str, **options: Any) -> Any:
        return code.get((filename, source)) or compile(source=source, filename=filename, **options)

    # The name that the loader looks up in its own module first.
    vars(finder)["compile"] = compiled


def serve(requests: socket.socket) -> dict[str, Any] | None:
    """Fork for each request. Return the request in the fork, and None here when no more can come."""
    # The forks that wait for a run report how it ended, so no one asks how they did.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, fds = socket.recv_fds(requests, 1, 3)[:2]
        if not message:
            return None
        if os.fork() == 0:
            requests.close()
            return _run_and_report(*fds)
        for fd in fds:
            os.close(fd)


def _run_and_report(request: int, output: int, ending: int) -> dict[str, Any]:
    """Fork once more and return the request there; here, wait for its end, report that and end, too."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    run = os.fork()
    if run == 0:
        os.close(ending)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        with open(request, encoding="utf-8") as file:
            file.seek(0)
            found: dict[str, Any] = json.load(file)
            return found
    os.close(output)
    status = os.waitstatus_to_exitcode(os.waitpid(run, 0)[1])
    os.write(ending, str(status).encode())
    os._exit(0)


def become(request: dict[str, Any]) -> None:
    """Execute the script of a request in this process."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.argv = request["script"]
    sys.path[0] = os.path.dirname(sys.argv[0])
    runpy.run_path(sys.argv[0], run_name="__main__")


def main() -> None:
    for library in LIBRARIES:
        importlib.import_module(library)
    compile_beforehand([Path(path) for path in os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)])
    # Garbage collection in a fork would write to all that is loaded, and so copy it.
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        request = serve(requests)
    if request:
        become(request)


if __name__ == "__main__":
    main()
