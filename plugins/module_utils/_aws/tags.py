# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tags AWS accepts, checked before anything is created: S3 and IAM refuse them in the middle of a run.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/CostAllocTagging.html
"""

from __future__ import annotations

import typing as t
import unicodedata

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

Tags = dict[str, str]

MAX_TAGS = 50
_MAX_NAME = 128
_MAX_VALUE = 256
_RESERVED = "aws:"
_PUNCTUATION = "+-=._:/@"


def as_text(tags: t.Any, option: str = "tags (irsa_issuer_tags)") -> Tags:
    """Return tags with their names and values as text. ``option`` names them in messages.

    Raises IrsaError for tags that AWS does not accept.
    """
    try:
        return _checked(tags)
    except Fault as fault:
        raise IrsaError(f"{option}: {fault}.") from None


def _checked(tags: t.Any) -> Tags:
    if not isinstance(tags, dict):
        raise Fault("must be a dictionary")
    checked: Tags = {}
    for name, value in tags.items():
        if value is None or isinstance(value, (dict, list)):
            raise Fault(f"the value of tag {quoted(name)} must be text")
        if str(name) in checked:
            raise Fault(f"the tag {quoted(str(name))} is there twice, once as text and once as another type")
        _check_tag(str(name), str(value))
        checked[str(name)] = str(value)
    if len(checked) > MAX_TAGS:
        raise Fault(f"has {len(checked)} tags; AWS accepts at most {MAX_TAGS}")
    return checked


def _check_tag(name: str, value: str) -> None:
    if not 1 <= len(name) <= _MAX_NAME or len(value) > _MAX_VALUE:
        raise Fault(
            f"the tag {quoted(name)} is too long; AWS accepts names of 1 to {_MAX_NAME} and values of up to "
            f"{_MAX_VALUE} characters"
        )
    for text, what in ((name, "the tag"), (value, "the value of tag")):
        if text.lower().startswith(_RESERVED):
            raise Fault(f"{what} {quoted(name)} begins with {_RESERVED}, which AWS reserves for itself. Choose another")
        invalid = next((each for each in text if not _is_accepted(each)), None)
        if invalid is not None:
            raise Fault(
                f"{what} {quoted(name)} has the character {quoted(invalid)}; AWS accepts letters, digits, spaces and "
                f"{_PUNCTUATION}"
            )


def _is_accepted(character: str) -> bool:
    # Letters, numbers and spaces of any script.
    return character in _PUNCTUATION or unicodedata.category(character)[0] in "LNZ"


def refuse_too_many(tags: t.Iterable[str], target: str) -> None:
    """Raise IrsaError if something would get more tags than AWS accepts, together with those that it has already.

    AWS does not count its own.
    """
    count = sum(not name.startswith(_RESERVED) for name in tags)
    if count > MAX_TAGS:
        raise IrsaError(
            f"The {target} would have {count} tags, together with those that it has already; AWS accepts at most "
            f"{MAX_TAGS}. Set fewer tags (irsa_issuer_tags), or remove some of the others."
        )
