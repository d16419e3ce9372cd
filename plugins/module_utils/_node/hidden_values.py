# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a distribution's configuration without the secrets in it, and write it with them.

Configuration files of k3s, RKE2 and k0s hold join tokens and passwords of datastores beside what is planned on. Such a
value stays on the node: a placeholder stands for it in all that leaves it, and is replaced when the file is written.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

_PLACEHOLDER = "hidden-by-selfhosted-irsa-"

# Names of settings whose values are secrets, among them those of k3s and RKE2 (token, datastore-endpoint,
# etcd-s3-secret-key, vpn-auth) and of k0s (dataSource):
# https://docs.k3s.io/cli/server  https://docs.k0sproject.io/stable/configuration/
_SECRET = (
    r"(?:token|passw|passphrase|secret|credential|data-?source|datastore-endpoint|api-?key|access-?key|private-?key|"
    r"vpn-auth)"
)
# What only says where a secret lies, or how long it lives.
_HARMLESS = r"(?:file|path|folder|dir|expiration|ttl|age|audience|issuer|name|provider|config)"
_LONG_NAME = rf"(?=[\w.-]*{_SECRET})(?![\w.-]*{_HARMLESS}[\"']?\s*[:=\s])[\w.-]+"
# k3s and RKE2 also call the token t: https://github.com/k3s-io/k3s/blob/master/pkg/cli/cmds/server.go
_NAME = rf"(?:{_LONG_NAME}|t(?![\w.-]))"

_VALUE = r"\"(?:\\.|[^\"\\])*\"|'(?:''|[^'])*'"
_QUOTE = "[\"']?"
_BLOCK = re.compile(
    rf"^(?P<indent>[ \t]*(?P<comment>#[# \t]*)?(?:- +)*){_QUOTE}{_NAME}{_QUOTE}[ \t]*:[ \t]*(?P<value>.*)",
    re.IGNORECASE,
)
# Within braces, a value may be in braces or brackets of its own.
_NESTED = r"\{[^{}]*\}|\[(?:[^\[\]{}]|\{[^{}]*\})*\]"
_FLOW = re.compile(rf"[{{,]\s*{_QUOTE}{_NAME}{_QUOTE}\s*:\s*(?P<value>{_VALUE}|{_NESTED}|[^,}}\n\"']+)", re.IGNORECASE)
_FLAG = re.compile(rf"(?:^|[\s\"'\[,])--?{_NAME}(?:=|\s+)(?P<value>{_VALUE}|[^\s\"']*[^\s\"',\]}}])", re.IGNORECASE)
_USER_INFO = re.compile(r"://[^\s/:@\"']*:(?P<value>[^\s/\"']+)@")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?P<value>.+?)-----END ", re.DOTALL)


class _Span(t.NamedTuple):
    """Where a secret is. A value that follows its key's colon at once needs a ``space`` in front of its placeholder."""

    start: int
    end: int
    space: str = ""


def hidden(text: str) -> str:
    """Return a text with a placeholder in the place of each secret. Raises Fault if it has such placeholders."""
    if _PLACEHOLDER in text:
        raise Fault(f"it has the text {_PLACEHOLDER}, which stands for secrets here")
    pieces, position = [], 0
    for number, span in enumerate(_spans(text)):
        pieces += [text[position : span.start], _placeholder(number, span)]
        position = span.end
    return "".join([*pieces, text[position:]])


def shown(new: str, present: str) -> str:
    """Return a text that was made of ``hidden(present)`` with the secrets of that. Raises Fault if one got lost."""
    for number, span in enumerate(_spans(present)):
        placeholder = _placeholder(number, span)
        if new.count(placeholder) != 1:
            raise Fault("a secret in it would be lost")
        new = new.replace(placeholder, present[span.start : span.end])
    return new


def _placeholder(number: int, span: _Span) -> str:
    return f"{span.space}{_PLACEHOLDER}{number:04}"


def _spans(text: str) -> list[_Span]:
    """Return where the secrets are, in order, none within another."""
    of_keys = [*_blocks(text), *(_Span(*match.span("value")) for match in _FLOW.finditer(text))]
    found = [span._replace(space=" " if text[span.start - 1] == ":" else "") for span in of_keys]
    others = (_FLAG, _USER_INFO, _PRIVATE_KEY)
    found += [_Span(*match.span("value")) for pattern in others for match in pattern.finditer(text)]
    spans: list[_Span] = []
    for span in sorted(set(found), key=lambda each: (each.start, -each.end)):
        if span.start < span.end and (not spans or span.start >= spans[-1].end):
            spans.append(span)
    return spans


def _blocks(text: str) -> t.Iterator[_Span]:
    """Yield the values of mappings that are written as blocks, to the end of their last line."""
    lines, starts, position = text.splitlines(keepends=True), [], 0
    for line in lines:
        starts.append(position)
        position += len(line)
    for index, line in enumerate(lines):
        found = _BLOCK.match(line)
        if found is None:
            continue
        last = index if found["comment"] else _last_line(lines, index, len(found["indent"]))
        start = starts[index] + found.start("value")
        end = starts[last] + len(lines[last].rstrip())
        if found["value"].strip() and last == index:
            end = min(end, start + len(_on_one_line(found["value"])))
        if end > start:
            yield _Span(start, end)


def _last_line(lines: t.Sequence[str], first: int, indent: int) -> int:
    """Return the last line of the value of a key. Empty lines within it belong to it."""
    last = first
    for index in range(first + 1, len(lines)):
        if _goes_on(lines[index], indent):
            last = index
        elif lines[index].strip():
            break
    return last


def _goes_on(line: str, indent: int) -> bool:
    """Whether a line belongs to the value above it: it is further to the right, or an item of a list below its key."""
    content = line.lstrip(" \t")
    depth = len(line) - len(content)
    return bool(content.strip()) and (depth > indent or (depth == indent and content.startswith("- ")))


def _on_one_line(value: str) -> str:
    """Return a value without what follows it: a comment, and within braces a comma or what closes them."""
    quoted = re.match(_VALUE, value)
    if quoted:
        return quoted[0]
    plain = re.split(r"\s#", value)[0].rstrip()
    if plain.startswith(("{", "[")):
        return plain.rstrip(",")
    # A value that is not in braces has no further key behind it.
    return re.split(r",(?=[^,]*:(?:\s|$))", plain)[0].rstrip(",}] ")
