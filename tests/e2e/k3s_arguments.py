# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How k3s and RKE2 come from their own arguments to those of kube-apiserver, restated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

FLAG = "kube-apiserver-arg"


def merged(defaults: Mapping[str, str], arguments: Iterable[str]) -> list[str]:
    """The flags of kube-apiserver. A name alone drops the default, a + adds behind it, a - in front of it.

    https://github.com/k3s-io/k3s/blob/master/pkg/util/args.go
    """
    defaulted = set(defaults)
    values = {name: [value] for name, value in defaults.items()}
    for argument in arguments:
        signed, has_value, value = argument.removeprefix("--").partition("=")
        name = signed.rstrip("+-")
        if name in defaulted and signed == name:
            values[name] = []
        defaulted.discard(name)
        place = 0 if signed.endswith("-") else len(values.get(name, []))
        values.setdefault(name, []).insert(place, value if has_value else "true")
    return [f"--{name}={value}" for name in sorted(values) for value in values[name]]


def of_file(configuration: str) -> list[str]:
    """The arguments for kube-apiserver in a configuration file.

    https://docs.k3s.io/installation/configuration#configuration-file
    """
    found: Any = yaml.safe_load(configuration)[FLAG]
    return found if isinstance(found, list) else [found]


def of_words(words: Iterable[str]) -> list[str]:
    """Those in words of a command line."""
    return [word.removeprefix(f"--{FLAG}=") for word in words if word.startswith(f"--{FLAG}=")]
