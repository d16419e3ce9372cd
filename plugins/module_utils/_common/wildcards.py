# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wildcards of AWS policies: ``*`` for any text, ``?`` for one character.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

from __future__ import annotations


def is_pattern(text: str) -> bool:
    """Whether a text has a wildcard, and so may match more than itself."""
    return "*" in text or "?" in text


def fits(pattern: str, text: str) -> bool:
    """Whether a pattern matches a whole text. The time is at most proportional to the product of their lengths."""
    in_pattern, in_text = 0, 0
    last_star, text_after_star = -1, 0
    while in_text < len(text):
        if in_pattern < len(pattern) and pattern[in_pattern] == "*":
            last_star, text_after_star = in_pattern, in_text
            in_pattern += 1
        elif in_pattern < len(pattern) and pattern[in_pattern] in ("?", text[in_text]):
            in_pattern += 1
            in_text += 1
        elif last_star >= 0:
            # Let the last star match one more character, and try again after it.
            text_after_star += 1
            in_pattern, in_text = last_star + 1, text_after_star
        else:
            return False
    return not pattern[in_pattern:].strip("*")
