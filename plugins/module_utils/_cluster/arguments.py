# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program's arguments as the program sees them, read by the rules of pflag, and lists of them that differ little.

https://pkg.go.dev/github.com/spf13/pflag#hdr-Command_line_flag_syntax
"""

from __future__ import annotations

import dataclasses
import posixpath
import typing as t

ISSUER = "service-account-issuer"
KEY_FILE = "service-account-key-file"
SIGNING_KEY_FILE = "service-account-signing-key-file"
JWKS_URI = "service-account-jwks-uri"
SIGNING_ENDPOINT = "service-account-signing-endpoint"
API_AUDIENCES = "api-audiences"
OIDC_ISSUER_URL = "oidc-issuer-url"
AUTHENTICATION_CONFIG = "authentication-config"
MAX_TOKEN_EXPIRATION = "service-account-max-token-expiration"
EXTEND_TOKEN_EXPIRATION = "service-account-extend-token-expiration"
ADVERTISE_ADDRESS = "advertise-address"
SECURE_PORT = "secure-port"
# kube-controller-manager's
PRIVATE_KEY_FILE = "service-account-private-key-file"

# Of kube-apiserver.
_DEFAULT_PORT = "6443"

# Flags whose value may begin with a dash when it is an argument of its own. Whether another flag takes a value is not
# known, so an argument that begins with a dash is never taken for its value.
_WITH_VALUE = frozenset(
    {ISSUER, KEY_FILE, SIGNING_KEY_FILE, SIGNING_ENDPOINT, API_AUDIENCES, OIDC_ISSUER_URL, PRIVATE_KEY_FILE}
)


@dataclasses.dataclass(frozen=True)
class Argument:
    """One argument. ``origin`` is its position in the list that was read; None: it is new."""

    text: str
    origin: int | None = None


@dataclasses.dataclass(frozen=True)
class _Setting:
    """A flag with its value: the arguments from ``start`` up to ``end``."""

    name: str
    value: str
    start: int
    end: int


class Arguments:
    """A container's command with its arguments; flags are what follows the program's name. Never changes.

    An operation returns another list, in which the arguments that stay know where they came from.
    """

    def __init__(self, items: t.Iterable[Argument], program: str) -> None:
        self.items = tuple(items)
        self.program = program
        self._settings, self._end = _read(self.items, program)

    @classmethod
    def of(cls, texts: t.Iterable[str], program: str = "kube-apiserver") -> Arguments:
        """Return the list as it was read."""
        return cls((Argument(text, index) for index, text in enumerate(texts)), program)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(item.text for item in self.items)

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of a flag, in order."""
        return tuple(setting.value for setting in self._settings if setting.name == name)

    def value(self, name: str) -> str | None:
        """Return the value of a flag that has one: the last one given."""
        values = self.values(name)
        return values[-1] if values else None

    def separated(self, name: str) -> tuple[str, ...] | None:
        """Return the values of a flag that takes lists separated by commas (pflag's StringSlice); None: it is unset."""
        values = self.values(name)
        if not values:
            return None
        # Only here, since every run of role irsa_issuer imports the names of the flags.
        import csv  # noqa: PLC0415

        return tuple(item for value in values for item in next(csv.reader([value]), []))

    def prepended(self, name: str, value: str) -> Arguments:
        """Return the list with a further value in front of the others of this flag."""
        starts = [setting.start for setting in self._settings if setting.name == name]
        return self._inserted(starts[0] if starts else self._end, name, value=value)

    def appended(self, name: str, value: str) -> Arguments:
        """Return the list with a further value behind the others of this flag."""
        ends = [setting.end for setting in self._settings if setting.name == name]
        return self._inserted(ends[-1] if ends else self._end, name, value=value)

    def without(self, name: str, value: str) -> Arguments:
        """Return the list without this value of a flag."""
        gone = {
            index
            for setting in self._settings
            if (setting.name, setting.value) == (name, value)
            for index in range(setting.start, setting.end)
        }
        return self._of(item for index, item in enumerate(self.items) if index not in gone)

    def replaced(self, name: str, value: str, *, by: str) -> Arguments:
        """Return the list with another value in the place of one."""
        items = list(self.items)
        for setting in self._settings:
            if (setting.name, setting.value) == (name, value):
                last = items[setting.end - 1]
                kept = last.text[: len(last.text) - len(value)]
                items[setting.end - 1] = dataclasses.replace(last, text=kept + by)
        return self._of(items)

    def with_values(self, name: str, values: t.Sequence[str]) -> Arguments:
        """Return the list with these values of a flag, in which those that follow each other today stay in place."""
        result = self
        for old in self.values(name):
            if old not in values:
                result = result.without(name, old)
        kept = result.values(name)
        starts = [start for start in range(len(values)) if tuple(values[start : start + len(kept)]) == kept]
        if not kept or not starts:
            for old in kept:
                result = result.without(name, old)
            kept, starts = (), [0]
        for value in reversed(values[: starts[0]]):
            result = result.prepended(name, value)
        for value in values[starts[0] + len(kept) :]:
            result = result.appended(name, value)
        return result

    def _inserted(self, index: int, name: str, *, value: str) -> Arguments:
        return self._of([*self.items[:index], Argument(f"--{name}={value}"), *self.items[index:]])

    def _of(self, items: t.Iterable[Argument]) -> Arguments:
        return Arguments(items, self.program)


def advertised_address(server: Arguments) -> str | None:
    """Return address and port that an API server announces to its cluster; None if the arguments do not say."""
    address = server.value(ADVERTISE_ADDRESS)
    if not address:
        return None
    port = server.value(SECURE_PORT) or _DEFAULT_PORT
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def is_program(text: str, program: str) -> bool:
    """Whether one argument is the program itself: not a flag that ends like it, nor a shell's command."""
    return not text.startswith("-") and len(text.split()) == 1 and posixpath.basename(text) == program


def _read(items: t.Sequence[Argument], program: str) -> tuple[list[_Setting], int]:
    """Return the flags in order, and the index behind the last argument that may be one."""
    programs = [index for index, item in enumerate(items) if is_program(item.text, program)]
    index = programs[0] + 1 if programs else 0
    settings: list[_Setting] = []
    while index < len(items):
        text = items[index].text
        if text == "--":
            return settings, index
        end = index + 1
        if text.startswith("--"):
            # Kubernetes' programs read underscores as dashes:
            # https://pkg.go.dev/k8s.io/component-base/cli/flag#WordSepNormalizeFunc
            name, has_value, value = text[2:].partition("=")
            name = name.replace("_", "-")
            following = items[end].text if end < len(items) else None
            if not has_value and following is not None and (name in _WITH_VALUE or not following.startswith("-")):
                value = following
                end += 1
            settings.append(_Setting(name, value, index, end))
        index = end
    return settings, index
