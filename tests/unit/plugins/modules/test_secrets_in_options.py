# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private key or a credential in any option of any module is in no output: every option, every form."""

from __future__ import annotations

import importlib
import json
import typing as t

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.amazon.aws.plugins.module_utils.modules import aws_argument_spec
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._module import aws_module
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.misplaced_secrets import MAIN_SHAPES, SHAPES
from ansible_collections.selfhosted.irsa.tests.unit.plugins.modules.conftest import MODULES
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_documents import DISCOVERY, ISSUER, REGION
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

PUBLIC = samples.public_pem(samples.OTHER_P256.pkcs8).decode()
JWKS = {"keys": [jwk_of(samples.OTHER_P256)]}

# So many forms are tried in an option that keeps a text as it is.
_AT_ONCE = 4

# What each module needs to get to its work. Nothing listens on port 1.
BASE: dict[str, dict[str, t.Any]] = {
    "irsa_bucket": {"name": "irsa-prod", "region": REGION},
    "irsa_bucket_info": {"name": "irsa-prod", "region": REGION},
    "irsa_injection_role": {"manifests_path": "/nonexistent"},
    "irsa_issuer": {
        "bucket": "irsa-prod",
        "region": REGION,
        "verify": False,
        "key": {"exists": True, "public_key": PUBLIC},
    },
    "irsa_jwks": {"issuer": ISSUER, "public_keys": [PUBLIC]},
    "irsa_keypair": {"path": "/nonexistent/sa.key"},
    "irsa_oidc_provider": {"url": ISSUER, "region": REGION},
    "irsa_oidc_provider_info": {"region": REGION},
    "irsa_publish": {
        "bucket": "irsa-prod",
        "region": REGION,
        "issuer": ISSUER,
        "jwks_json": json.dumps(JWKS),
        "discovery_json": DISCOVERY,
    },
    "irsa_rotation_state": {"bucket": "irsa-prod", "region": REGION, "issuer": ISSUER},
    "irsa_service_accounts_plan": {"manifests_path": "/nonexistent", "region": REGION},
    "irsa_verify": {"issuer": "https://127.0.0.1:1", "region": REGION, "timeout": 1},
}


class Declared(Exception):
    """Carries the argument spec of a module that was about to start."""


def options_of(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, t.Any]]:
    """Return the argument spec of a module, with the options of amazon.aws and of files."""

    def declare(self, argument_spec, add_file_common_args=False, **rules):
        raise Declared({**argument_spec, **({"mode": {}, "owner": {}, "group": {}} if add_file_common_args else {})})

    module = importlib.import_module(f"{MODULES}.{name}")
    with monkeypatch.context() as patched:
        patched.setattr(AnsibleModule, "__init__", declare)
        with pytest.raises(Declared) as declared:
            module.main()
    return declared.value.args[0]


class NoClients:
    """An AWS that cannot be reached."""

    def __init__(self, module: t.Any) -> None:
        pass

    def __getattr__(self, name: str) -> t.Any:
        raise IrsaError("AWS cannot be reached.")


def placements(secret: str, kind: str) -> t.Iterator[t.Any]:
    """Yield values of an option's type that contain a secret, and the secret itself."""
    yield secret
    if kind == "list":
        yield [secret]
        yield secret.splitlines()
        yield [{"keys": [secret]}]
        yield [{"keys": [{"kty": "RSA", "kid": secret, "n": secret}]}]
    if kind == "dict":
        yield {"name": secret}
        yield {secret: "value"}
        yield {"keys": [secret]}
        yield {"keys": [{"kty": "RSA", "kid": secret, "n": secret}]}


@pytest.mark.parametrize("name", BASE)
def test_no_output_has_a_secret_from_an_option(run_any, aws, monkeypatch, name):
    options = options_of(name, monkeypatch)
    assert len(options) > 5
    if name in ("irsa_issuer", "irsa_publish"):  # the whole of their work would take minutes
        monkeypatch.setattr(aws_module, "Clients", NoClients)
    tried = 0
    for number, (option, declared) in enumerate(options.items()):
        kind = declared.get("type", "str")
        for shape in shapes_for(name, option, kind=kind, number=number):
            misplaced = SHAPES[shape]
            for value in placements(misplaced.text, kind):
                try:
                    printed = run_any(name, check_mode=True, **{**BASE[name], option: value})
                except ValueError as error:  # a path with NUL
                    printed = str(error)
                tried += 1
                assert misplaced.traces_in(printed) == [], (option, shape, value, printed)
    assert tried > len(options)


def shapes_for(name: str, option: str, *, kind: str, number: int) -> t.Sequence[str]:
    """Return the forms to try. All modules have the same masking and the same common options, so one of them tries more
    than the others. Of a list or dictionary, core may keep a part, which depends on the form. All other options keep
    the text as it is: they take turns, each with other forms.
    """
    if name == "irsa_jwks":
        return list(SHAPES)
    if option in aws_argument_spec() and name != "irsa_bucket_info":
        return MAIN_SHAPES[:2]
    if kind in ("list", "dict"):
        return MAIN_SHAPES
    return [MAIN_SHAPES[(number * _AT_ONCE + place) % len(MAIN_SHAPES)] for place in range(_AT_ONCE)]


@pytest.mark.parametrize("name", BASE)
def test_no_output_has_a_secret_from_the_name_of_an_option(run_any, aws, name):
    for shape, misplaced in SHAPES.items():
        printed = run_any(name, check_mode=True, **{**BASE[name], misplaced.text: "value"})
        assert misplaced.traces_in(printed) == [], (shape, printed)


@pytest.mark.parametrize("shape", SHAPES)
def test_search_finds_each_secret_that_is_not_masked(shape):
    """Without this, the other tests here would prove nothing."""
    misplaced = SHAPES[shape]
    assert misplaced.traces_in(json.dumps({"msg": f"got {misplaced.text!r}"}))
