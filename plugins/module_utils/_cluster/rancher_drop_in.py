# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that role irsa_apiserver adds to config.yaml.d of k3s and RKE2: what it holds to come to expected values.

Its keys end with a plus sign, so that nothing is lost of what others wrote.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import rancher_files, yaml_list
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Programs
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher_arguments import (
    APPENDED,
    PLAIN,
    PREPENDED,
    Line,
    line,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

API_SERVER_KEY = "kube-apiserver-arg"
CONTROLLER_MANAGER_KEY = "kube-controller-manager-arg"

# The flags that it may change. Those with one value take the place of the default, so they are written plainly.
FLAGS: t.Mapping[str, tuple[str, ...]] = {
    API_SERVER_KEY: (ISSUER, KEY_FILE, SIGNING_KEY_FILE),
    CONTROLLER_MANAGER_KEY: (PRIVATE_KEY_FILE,),
}
SINGLE = frozenset({SIGNING_KEY_FILE, PRIVATE_KEY_FILE})

# Behind those that other programs and people write, such as 50-rancher.yaml and 99-local.yaml.
NAME = "zz-irsa.yaml"

_COMMENT = "# Written by role irsa_apiserver of the Ansible collection selfhosted.irsa.\n"


def lines(name: str, base: t.Sequence[str], expected: t.Sequence[str]) -> list[Line]:
    """Return what leads from a flag's values in other files to the expected ones. Raises Fault if nothing does."""
    if name == KEY_FILE and expected and not set(base).intersection(expected):
        # The cluster's own key is retired: the first line takes its place.
        return [Line(name, APPENDED if index else PLAIN, value) for index, value in enumerate(expected)]
    places = range(len(expected) - len(base) + 1)
    start = next((at for at in places if list(expected[at : at + len(base)]) == list(base)), None)
    if start is None or (name in SINGLE and start > 0):
        raise Fault(f"no line behind the others leads to the expected --{name}")
    # The last one that is prepended comes first.
    before = [Line(name, PREPENDED, value) for value in reversed(expected[:start])]
    sign = PLAIN if name in SINGLE else APPENDED
    return before + [Line(name, sign, value) for value in expected[start + len(base) :]]


def content(given: t.Mapping[str, t.Sequence[Line]]) -> bytes | None:
    """Return the file with these lines for each key; None if there is none, and so no file. Raises Fault for values
    that cannot be printed.
    """
    parts = [
        f"{key}+:\n" + "".join(f"  - {yaml_list.written(each.text, in_brackets=True)}\n" for each in of_key)
        for key, of_key in given.items()
        if of_key
    ]
    return (_COMMENT + "".join(parts)).encode() if parts else None


def foreign(path: str, found: bytes) -> list[str]:
    """Return what the file holds that this role does not write. Raises Fault for one that cannot be used."""
    strange = []
    for entry in rancher_files.entries(path, found):
        if not entry.adds or entry.key not in FLAGS:
            strange.append(entry.key + ("+" if entry.adds else ""))
            continue
        strange += [text for text in entry.values if not _is_ours(line(text), FLAGS[entry.key])]
    return strange


def as_appended(each: Line) -> Line:
    """Return a line of this file as if it added a value also where it takes the place of the default."""
    return each._replace(sign=APPENDED) if each.name in SINGLE and each.sign == PLAIN else each


def _is_ours(each: Line, names: t.Collection[str]) -> bool:
    return each.name in names and (each.name == KEY_FILE or (each.sign == PLAIN) == (each.name in SINGLE))


def of_key(programs: Programs, key: str) -> Arguments:
    """Return the arguments that a key of a file is about."""
    return programs.api_server if key == API_SERVER_KEY else programs.controller_manager


def asked(programs: Programs) -> list[tuple[str, ...]]:
    """Return the values that may be asked for."""
    return [of_key(programs, key).values(name) for key, names in FLAGS.items() for name in names]


def rest(programs: Programs) -> list[str]:
    """Return all other arguments."""
    names = tuple(f"--{name}=" for flags in FLAGS.values() for name in flags)
    return [text for key in FLAGS for text in of_key(programs, key).texts if not text.startswith(names)]
