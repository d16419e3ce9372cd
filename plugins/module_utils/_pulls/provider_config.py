# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kubelet's CredentialProviderConfig as text: our provider is added, changed and removed, and no other byte.

The kubelet reads YAML, and JSON as a part of it:
https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/credentialprovider/plugin/config.go
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import yaml_list, yaml_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.yaml_list import Item
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls.provider import is_ours

_API_VERSION = "kubelet.config.k8s.io/v1"
_KIND = "CredentialProviderConfig"

Provider = dict[str, t.Any]


def created(provider: Provider) -> bytes:
    """Return a configuration of our provider alone."""
    text = json.dumps({"apiVersion": _API_VERSION, "kind": _KIND, "providers": [provider]}, indent=2)
    return f"{text}\n".encode()


def providers_of(content: bytes) -> list[Provider]:
    """Return the providers of a configuration. Raises Fault if the kubelet would not read it, or not as version v1."""
    return _read(yaml_text.decoded(content))[1]


def with_provider(content: bytes, provider: Provider) -> bytes:
    """Return a configuration with our provider: behind those of others, or in the place that it has.

    Raises Fault for another provider of this name, and if the text cannot be changed safely.
    """
    text = yaml_text.decoded(content)
    document, present = _read(text)
    index = _index_of_ours(present)
    if any(each["name"] == provider["name"] for position, each in enumerate(present) if position != index):
        raise Fault(
            f"it has a provider {quoted(provider['name'])} that this role did not write. Remove that, or give the "
            "program of irsa_image_pulls_provider_path another name"
        )
    if index is not None and present[index] == provider:
        return content
    items = [Item(position) for position in range(len(present))]
    if index is None:
        expected = [*present, provider]
        items.append(Item(None, json.dumps(provider)))
    else:
        expected = [provider if position == index else each for position, each in enumerate(present)]
        items[index] = Item(index, json.dumps(provider))
    return _changed(document, items, expected)


def without_provider(content: bytes) -> bytes | None:
    """Return a configuration without our provider; None if no other one is left. Raises Fault."""
    document, present = _read(yaml_text.decoded(content))
    index = _index_of_ours(present)
    if index is None:
        return content
    if len(present) == 1:
        return None
    kept = [position for position in range(len(present)) if position != index]
    return _changed(document, [Item(position) for position in kept], [present[position] for position in kept])


def _read(text: str) -> tuple[yaml_text.Document, list[Provider]]:
    document = yaml_text.Document(text)
    found = yaml_text.value_of(text)
    if not isinstance(found, dict) or found.get("kind") != _KIND:
        raise Fault(f"it is no {_KIND}")
    if found.get("apiVersion") != _API_VERSION:
        raise Fault(f"its apiVersion is {quoted(found.get('apiVersion'))}. Rewrite it as {_API_VERSION}")
    providers = found.get("providers")
    if not isinstance(providers, list) or not providers:
        raise Fault("it has no providers, with which the kubelet does not start")
    if not all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in providers):
        raise Fault("it has a provider without a name")
    return document, providers


def _index_of_ours(providers: t.Sequence[Provider]) -> int | None:
    found = [position for position, each in enumerate(providers) if is_ours(each)]
    if len(found) > 1:
        raise Fault("it has more than one provider that this role wrote. Remove all but one")
    return found[0] if found else None


def _changed(document: yaml_text.Document, items: t.Sequence[Item], expected: list[Provider]) -> bytes:
    """Return the text with other providers. Raises Fault unless it then means what is expected."""
    node = yaml_text.sequence(yaml_text.at(document.root, "providers"))
    if node is None:
        raise Fault("its providers are not a list")
    text = yaml_list.spliced(document.text, yaml_list.changes(document, node, items))
    if _read(text)[1] != expected:
        raise Fault("its layout is not known here. Write its providers as a list with one line for each member")
    return text.encode()
