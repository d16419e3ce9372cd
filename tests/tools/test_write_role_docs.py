# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-doc shows of a role is what its README says."""

from __future__ import annotations

import re

import pytest
import yaml

from write_role_docs import documented, example, result, with_part
from write_variables import REPOSITORY, ROLES, load_options

MODULES = sorted((REPOSITORY / "plugins" / "modules").glob("*.py"))

README = """\
```yaml
- hosts: all
```

## Result

The role sets `a_result`:

| key | meaning |
|---|---|
| `a`, `b` | what: `x\\|y` and {this} |

## Next
"""


@pytest.mark.parametrize("role", ROLES)
def test_each_role_documents_its_result_and_an_example(role: str) -> None:
    now, expected = documented(role)
    assert now == expected, "run `make guide`"
    examples = yaml.safe_load(now)["argument_specs"]["main"]["examples"]
    assert f"selfhosted.irsa.{role}" in str(yaml.safe_load(examples))


def test_the_result_becomes_entries_of_a_description() -> None:
    assert yaml.safe_load(result(README)) == ["The role sets C(a_result):", "C(a), C(b) - what: C(x|y) and {this}."]


def test_the_first_block_becomes_the_example() -> None:
    assert yaml.safe_load(example(README)) == {"examples": "- hosts: all\n"}


def test_what_is_missing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no table"):
        result("")
    with pytest.raises(ValueError, match="no block"):
        example("")
    with pytest.raises(ValueError, match="no place for the result"):
        with_part("argument_specs:\n", "result", "")


DOCUMENTATION = re.compile(r'^DOCUMENTATION = r"""\n(.*?)"""', re.DOTALL | re.MULTILINE)
# A reader of one option should not have to look for another to know what it is about.
ELSEWHERE = re.compile(r"^(As|Same as|See|Like) \w+\(|\bfor (that|these|those)[,.]")


@pytest.mark.parametrize("name", [*ROLES, *(file.name for file in MODULES)])
def test_each_option_is_described_by_itself(name: str) -> None:
    if name in ROLES:
        options = load_options(name)
    else:
        [text] = DOCUMENTATION.findall((MODULES[0].parent / name).read_text(encoding="utf-8"))
        options = yaml.safe_load(text).get("options", {})
    for option, specification in options.items():
        first = specification["description"]
        first = first if isinstance(first, str) else first[0]
        assert not ELSEWHERE.search(first), f"{option}: {first}"
