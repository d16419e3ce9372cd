# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of role irsa_rotate, as its tasks pass them on, and what they must be together."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import key_by_hand
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipes import RECIPES
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import refusals
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import PHASES, REVOKE, STATUS
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_keys, _rotate_parties
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._apiserver_recipes import SPEC_OF_RECIPES, version_of

_PARTY: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "command": {"type": "list", "elements": "str"},
    "url": {"type": "str"},
    "confirm": {"type": "list", "elements": "str"},
}

SPEC: dict[str, dict[str, t.Any]] = {
    "phase": {"type": "str", "choices": list(PHASES), "default": STATUS},
    "cache_seconds": {"type": "int", "default": 3600},
    "token_seconds": {"type": "int", "default": 86400, "no_log": False},
    "stale_window": {"type": "int", "default": 3600},
    "force": {"type": "list", "elements": "str", "choices": list(refusals.NAMES), "default": []},
    "relying_parties": {"type": "list", "elements": "dict", "options": _PARTY, "default": []},
    "key_path": {"type": "path", "no_log": False},
    "key_type": {"type": "str", "choices": ["", "RSA", "ECDSA"], "default": "", "no_log": False},
    "key_size": {"type": "int", "default": 0, "no_log": False},
    "key_curve": {"type": "str", "choices": ["", "P-256", "P-384", "P-521"], "default": "", "no_log": False},
    "old_key": {"type": "str", "choices": ["archive", "destroy"], "default": "archive", "no_log": False},
    "remake_tokens": {"type": "bool", "default": False, "no_log": False},
    "revoke_kid": {"type": "str"},
    "bucket": {"type": "str"},
    "issuer": {"type": "str"},
    "audiences": {"type": "list", "elements": "str", "default": ["sts.amazonaws.com"]},
    "persist": {"type": "str", "default": "auto"},
    "patches_dir": {"type": "str", "default": "/etc/kubernetes/patches"},
    **{name: SPEC_OF_RECIPES[name] for name in ("distribution", "distribution_version")},
}

Settings = t.Mapping[str, t.Any]


def check(settings: Settings) -> None:
    """Raise IrsaError, which lists everything that is wrong with the variables, or says how the key is changed where
    the playbook cannot do it.
    """
    distribution = settings["distribution"]
    if distribution in RECIPES:
        by_hand = key_by_hand.sentences(distribution, version_of(settings["distribution_version"]))
        intro = (
            f"irsa_apiserver_distribution is {distribution}, so the key is not on hosts that this playbook changes. It "
            "has no phase there, and nothing was changed."
        )
        raise IrsaError("\n- ".join([intro, *by_hand]))
    stop(_problems(settings))


def stop(problems: t.Iterable[str]) -> None:
    """Raise IrsaError with everything that is wrong, if something is."""
    found = list(problems)
    if found:
        intro = "The playbook selfhosted.irsa.rotate cannot begin; nothing was changed."
        raise IrsaError("\n- ".join([intro, *map(shown, found)]))


def _problems(settings: Settings) -> t.Iterator[str]:
    if not settings["bucket"]:
        yield "irsa_issuer_bucket is not set. Set it to the bucket that the issuer's documents are in."
    elif not settings["issuer"]:
        yield (
            "The issuer's URL is not known. Set irsa_issuer_region to the region of its bucket, or irsa_issuer_url if "
            "it has another one than the bucket."
        )
    for name in ("cache_seconds", "token_seconds", "stale_window"):
        if settings[name] < 0:
            yield f"irsa_rotate_{name} is {settings[name]}; expected a number of seconds."
    if settings["key_size"] and settings["key_size"] not in _rotate_keys.SIZES:
        yield f"irsa_rotate_key_size is {settings['key_size']}; expected 2048, 3072 or 4096."
    if settings["key_path"] and any(settings[name] for name in ("key_type", "key_size", "key_curve")):
        yield (
            "irsa_rotate_key_path names a key that exists, so irsa_rotate_key_type, irsa_rotate_key_size and "
            "irsa_rotate_key_curve have no meaning. Remove either."
        )
    if settings["phase"] == REVOKE and not settings["revoke_kid"]:
        yield (
            "irsa_rotate_phase is revoke, but irsa_rotate_revoke_kid does not say which key has leaked. Set it to the "
            "ID of that key, which irsa_rotate_phase=status shows."
        )
    yield from _rotate_parties.problems(settings["relying_parties"])
