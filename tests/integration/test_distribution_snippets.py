# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages of distributions show to be written somewhere leads to the issuer.

A comment before a block says what it is judged by:

- ``recipe NAME [VERSION] PHASE [FILE]``: the collection writes this file for the variables of the playbook on the same
  page. Comments, quotes and breaks of lines may differ.
- ``commands of recipe NAME [VERSION] PHASE``: these are the commands of the recipe.
- ``server NAME PHASE PATH [as KEY] [in VARIABLE]``: with this file at PATH, the distribution starts an API server that
  accepts the issuer or signs for it, as the collection reads such a server. VARIABLE of other content has the text of
  the file, or the value of KEY in it.
- ``issuers of KEY``: below KEY is the issuer of the API server, and no other one.
- ``command line of k3s in VARIABLE``: the arguments of k3s in VARIABLE lead to the issuer.
"""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from guide_blocks import Block, pages

pytestmark = pytest.mark.any_core

CLUSTER = "ansible_collections.selfhosted.irsa.plugins.module_utils._cluster"
ISSUER = "https://example-irsa-prod.s3.eu-west-1.amazonaws.com"
FLAG = "service-account-issuer"

PAGES = {name: page for name, page in pages().items() if name.startswith("docs/distributions/")}
BLOCKS = [(page, block) for page in PAGES.values() for block in page if block.source]
# What a server has besides the file on the page.
FILES = {"microk8s": {"/var/snap/microk8s/current/args/kube-controller-manager": b""}}


def module(name: str) -> Any:
    return importlib.import_module(f"{CLUSTER}.{name}")


def role_variables(page: list[Block]) -> Iterator[dict[str, Any]]:
    """Yield the variables of role irsa_apiserver in each playbook on a page."""
    for block in page:
        for document in block.documents if block.language == "yaml" else ():
            for play in document if isinstance(document, list) else ():
                for role in play.get("roles", ()):
                    yield role["vars"]


# --- recipes


def recipe_part(page: list[Block], name: str, version: str | None, phase: str) -> Any:
    """Return a phase of the recipe for the variables of the playbook on the page that is about such a phase."""
    given: dict[str, Any] = {"irsa_apiserver_issuer": ISSUER}
    for variables in role_variables(page):
        if (variables.get("irsa_apiserver_phase") == "new") is (phase == "new"):
            given |= variables
    request = module("recipe").Request(
        issuer=given["irsa_apiserver_issuer"],
        present_issuers=tuple(given.get("irsa_issuer_former_issuers", ())),
        version=version or given.get("irsa_apiserver_distribution_version"),
        cluster_name=given.get("irsa_apiserver_cluster_name"),
    )
    (part,) = (part for part in module(f"recipe_{name}").cook(request, [phase]).parts if part.phase == phase)
    return part


def judge_recipe(
    page: list[Block], block: Block, name: str, version: str | None, phase: str, file_name: str | None
) -> None:
    files = recipe_part(page, name, version, phase).files
    (file,) = (each for each in files if file_name in (None, each.name))
    assert not file.is_secret
    if block.language == "yaml":
        assert meaning(block.documents) == meaning(list(yaml.safe_load_all(file.text)))
    else:
        assert lines(block.text) == lines(file.text)


def meaning(value: Any) -> Any:
    """Return a document in which the text of a file in YAML is what that means."""
    if isinstance(value, dict):
        return {name: meaning(each) for name, each in value.items()}
    if isinstance(value, list):
        return [meaning(each) for each in value]
    return meaning(yaml.safe_load(value)) if isinstance(value, str) and value.endswith("\n") else value


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def judge_commands(page: list[Block], block: Block, name: str, version: str | None, phase: str) -> None:
    written = [shlex.split(line) for line in block.text.replace("\\\n", "").splitlines()]
    assert written == [shlex.split(command) for command in recipe_part(page, name, version, phase).commands]


# --- servers that the role changes itself


def issuers_of_server(name: str, path: str, content: str) -> tuple[str, ...]:
    """Return the issuers of an API server whose only file this is, as the collection reads them."""
    unit = module("distribution").Unit()
    files = {**FILES.get(name, {}), path: content.encode()}
    issuers: tuple[str, ...] = module("distributions").WITH_SERVICE[name].programs(files, unit).api_server.values(FLAG)
    return issuers


def judge_server(
    _page: list[Block], block: Block, name: str, phase: str, path: str, key: str | None, variable: str | None
) -> None:
    content = block.text
    if variable:
        ((_name, content),) = ((each, value) for each, value in block.documents[0].items() if each == variable)
    issuers = issuers_of_server(name, path, yaml.safe_dump({key: content}) if key else content)
    assert issuers[0 if phase == "sign" else -1] == ISSUER
    assert len(set(issuers)) == len(issuers)


# --- variables and fields of others


def below(value: Any, key: str) -> Iterator[Any]:
    """Yield what is below a key, anywhere in a document."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for each in value.values():
            yield from below(each, key)


def extra_args(found: Any) -> list[tuple[str, str]]:
    return [(each["name"], each["value"]) for each in found]


def pod_iam_config(found: Any) -> list[tuple[str, str]]:
    return [(FLAG, found["serviceAccountIssuer"])]


def arguments_with_dashes(found: Any) -> list[tuple[str, str]]:
    return [(name.removeprefix("--"), value) for name, value in found.items()]


# How to read the arguments of an API server below a key.
FIELDS: dict[str, Callable[[Any], list[tuple[str, str]]]] = {
    "extraArgs": extra_args,
    "podIamConfig": pod_iam_config,
    "extraKubeAPIServerArgs": arguments_with_dashes,
}


def judge_issuers(_page: list[Block], block: Block, key: str) -> None:
    (document,) = block.documents
    (found,) = below(document, key)
    assert FIELDS[key](found) == [(FLAG, ISSUER)]


def judge_command_line(_page: list[Block], block: Block, variable: str) -> None:
    prefix = "--kube-apiserver-arg="
    words = str(block.documents[0][variable]).split()
    arguments = [word.removeprefix(prefix) for word in words if word.startswith(prefix)]
    content = yaml.safe_dump({"kube-apiserver-arg": arguments})
    assert issuers_of_server("k3s", "/etc/rancher/k3s/config.yaml", content)[0] == ISSUER


# --- all of them

_KINDS: dict[re.Pattern[str], Callable[..., None]] = {
    re.compile(r"recipe (\w+)(?: ([\d.]+))? (new|accept|sign)(?: (\S+))?"): judge_recipe,
    re.compile(r"commands of recipe (\w+)(?: ([\d.]+))? (new|accept|sign)"): judge_commands,
    re.compile(r"server (\w+) (accept|sign) (/\S+)(?: as (\S+))?(?: in (\w+))?"): judge_server,
    re.compile(r"issuers of (\w+)"): judge_issuers,
    re.compile(r"command line of k3s in (\w+)"): judge_command_line,
}


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[block.name for _page, block in BLOCKS])
def test_a_snippet_leads_to_the_issuer(page: list[Block], block: Block) -> None:
    ((judge, found),) = ((judge, match) for kind, judge in _KINDS.items() if (match := kind.fullmatch(block.source)))
    judge(page, block, *found.groups())


def test_every_page_has_a_snippet_that_is_judged() -> None:
    without = [name for name, page in PAGES.items() if not any(block.source for block in page)]
    assert without == ["docs/distributions/README.md"]


def test_a_snippet_for_another_issuer_is_noticed() -> None:
    block = Block("", f"spec:\n  podIamConfig: {{serviceAccountIssuer: {ISSUER}/other}}\n")
    with pytest.raises(AssertionError):
        judge_issuers([], block, "podIamConfig")
