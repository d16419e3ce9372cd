# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our provider comes into and out of a CredentialProviderConfig, and everything else stays."""

from __future__ import annotations

import json
import textwrap

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls import provider_config
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls.provider import PullSettings, entry, problems

SETTINGS = PullSettings(
    provider_path="/usr/local/bin/ecr-credential-provider",
    match_images=["*.dkr.ecr.*.amazonaws.com"],
    audience="sts.amazonaws.com",
    config_dir="/etc/kubernetes",
)
OURS = entry(SETTINGS)

HEAD = "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\n"
BLOCK = HEAD + textwrap.dedent(
    """\
    providers: # by hand
    - name: one
      matchImages: [a.example.com]
      defaultCacheDuration: 1h
    # between
    - name: "two"
      matchImages:
        - b.example.com
    """
)
JSON = json.dumps(yaml.safe_load(BLOCK), indent=2) + "\n"


@pytest.mark.parametrize(
    "text", [BLOCK, BLOCK.rstrip("\n"), BLOCK.replace("\n", "\r\n"), JSON, json.dumps(yaml.safe_load(BLOCK))]
)
def test_others_stay_and_the_way_back_gives_the_same_bytes(text):
    new = provider_config.with_provider(text.encode(), OURS)
    assert yaml.safe_load(new)["providers"] == [*yaml.safe_load(text)["providers"], OURS]
    assert provider_config.with_provider(new, OURS) == new
    assert provider_config.without_provider(new) == text.encode()


def test_our_provider_is_replaced_in_its_place():
    changed = {**OURS, "defaultCacheDuration": "1h"}
    new = provider_config.with_provider(provider_config.with_provider(BLOCK.encode(), OURS), changed)
    assert yaml.safe_load(new)["providers"][2] == changed
    assert provider_config.without_provider(new) == BLOCK.encode()


def test_a_configuration_of_ours_alone_has_nothing_left():
    assert provider_config.without_provider(provider_config.created(OURS)) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BLOCK.replace("one", "ecr-credential-provider"), "did not write"),
        (BLOCK.replace("k8s.io/v1", "k8s.io/v1beta1"), "Rewrite it as kubelet.config.k8s.io/v1"),
        (BLOCK.replace("kind: C", "kind: D"), "no CredentialProviderConfig"),
        (HEAD + "providers: []\n", "no providers"),
        (BLOCK.replace('name: "two"', "title: two"), "without a name"),
        (f"{BLOCK}---\n{BLOCK}", "not one YAML document"),
    ],
)
def test_what_the_kubelet_would_not_take_is_refused(text, said):
    with pytest.raises(Fault, match=said):
        provider_config.with_provider(text.encode(), OURS)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"provider_path": "bin/ecr"}, "provider_path must be an absolute path"),
        ({"provider_path": "/opt/a b"}, "without spaces"),
        ({"config_dir": "/etc/../x"}, "config_dir"),
        ({"match_images": []}, "match_images"),
        ({"match_images": ["https://example.com"]}, "without a scheme"),
        ({"audience": ""}, "audience must be one audience"),
        ({"audience": "*"}, "audience must be one audience"),  # RBAC would let kubelets request tokens for all
        ({"audience": "a b"}, "audience must be one audience"),
        ({"cache_duration": "1 hour"}, "cache_duration"),
        ({"role_arn": "arn:aws:iam::1:user/x"}, "role_arn"),
    ],
)
def test_wrong_settings_are_named(changed, said):
    assert problems(SETTINGS) == []
    (problem,) = problems(PullSettings(**{**vars(SETTINGS), **changed}))
    assert said in problem
