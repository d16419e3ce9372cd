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
    r"(?:token|passw|passphrase|secret|credential|data-?source|datastore-endpoint|access-?key|private-?key|vpn-auth)"
)
# What only says where a secret lies, or how long it lives.
_HARMLESS = r"(?:file|path|folder|dir|expiration|ttl|age|audience|issuer|name|provider|config)"
_NAME = rf"(?=[\w.-]*{_SECRET})(?![\w.-]*{_HARMLESS}[\"']?\s*[:=\s])[\w.-]+"

_VALUE = r"\"(?:\\.|[^\"\\])*\"|'(?:''|[^'])*'"
_QUOTE = "[\"']?"
_BLOCK = re.compile(rf"^(?P<indent>[ \t]*(?:- +)*){_QUOTE}{_NAME}{_QUOTE}[ \t]*:[ \t]*(?P<value>.*)", re.IGNORECASE)
_FLOW = re.compile(rf"[{{,]\s*{_QUOTE}{_NAME}{_QUOTE}\s*:\s*(?P<value>{_VALUE}|[^,}}\n\"']+)", re.IGNORECASE)
_FLAG = re.compile(rf"(?:^|[\s\"'])--{_NAME}(?:=|\s+)(?P<value>{_VALUE}|[^\s\"']+)", re.IGNORECASE)
_USER_INFO = re.compile(r"://[^\s/:@\"']*:(?P<value>[^\s/@\"']+)@")


class _Span(t.NamedTuple):
    start: int
    end: int


def hidden(text: str) -> str:
    """Return a text with a placeholder in the place of each secret. Raises Fault if it has such placeholders."""
    if _PLACEHOLDER in text:
        raise Fault(f"it has the text {_PLACEHOLDER}, which stands for secrets here")
    pieces, position = [], 0
    for number, span in enumerate(_spans(text)):
        pieces += [text[position : span.start], _placeholder(number, span, text)]
        position = span.end
    return "".join([*pieces, text[position:]])


def shown(new: str, present: str) -> str:
    """Return a text that was made of ``hidden(present)`` with the secrets of that. Raises Fault if one got lost."""
    for number, span in enumerate(_spans(present)):
        placeholder = _placeholder(number, span, present)
        if new.count(placeholder) != 1:
            raise Fault("a secret in it would be lost")
        new = new.replace(placeholder, present[span.start : span.end])
    return new


def _placeholder(number: int, span: _Span, text: str) -> str:
    # A value that begins on the next line leaves no space behind its colon.
    space = " " if text[: span.start].endswith(":") else ""
    return f"{space}{_PLACEHOLDER}{number:04}"


def _spans(text: str) -> list[_Span]:
    """Return where the secrets are, in order, none within another."""
    found = [*_blocks(text)]
    found += [_Span(*match.span("value")) for pattern in (_FLOW, _FLAG, _USER_INFO) for match in pattern.finditer(text)]
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
        last = index
        while last + 1 < len(lines) and _goes_on(lines[last + 1], len(found["indent"])):
            last += 1
        start = starts[index] + found.start("value")
        end = starts[last] + len(lines[last].rstrip())
        if found["value"].strip() and last == index:
            end = min(end, start + len(_without_comment(found["value"])))
        if end > start:
            yield _Span(start, end)


def _goes_on(line: str, indent: int) -> bool:
    """Whether a line belongs to the value above it: it is further to the right, or an item of a list below its key."""
    content = line.lstrip(" \t")
    depth = len(line) - len(content)
    return bool(content.strip()) and (depth > indent or (depth == indent and content.startswith("- ")))


def _without_comment(value: str) -> str:
    quoted = re.match(_VALUE, value)
    return quoted[0] if quoted else re.split(r"\s#", value)[0].rstrip()
