# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that talk to AWS: the same result in check mode, the second time nothing, failures in the result."""

from __future__ import annotations

import hashlib
import json

import boto3
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server
from ansible_collections.selfhosted.irsa.plugins.module_utils._module import aws_module
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import (
    HOST,
    INTERMEDIATE,
    LEAF,
    ROOT,
    HttpsServer,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.kubernetes_servers import (
    ENDPOINTS,
    endpoints_of,
    serve_json,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_documents import DISCOVERY, ISSUER, JWKS, REGION
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

KEY, OTHER = jwk_of(samples.P256), jwk_of(samples.RSA)

STEPS = {
    "irsa_bucket": {"name": "irsa-prod", "region": REGION, "tags": {"team": "platform"}},
    "irsa_publish": {
        "bucket": "irsa-prod",
        "region": REGION,
        "issuer": ISSUER,
        "jwks_json": JWKS,
        "discovery_json": DISCOVERY,
    },
    "irsa_oidc_provider": {"url": ISSUER, "region": REGION, "tags": {"team": "platform"}},
}

# Beside the modules that it does the work of.
ISSUER_OPTIONS = {
    "bucket": "irsa-whole",
    "region": REGION,
    "tags": {"team": "platform"},
    "key": {"exists": True, "public_key": samples.public_pem(samples.P256.pkcs8).decode(), "path": "/keys/sa.key"},
    "verify": False,
}

VARYING = {
    "changed",
    "actions",
    "diff",
    "permissions",
    "invocation",
    "created",
    "documents",
    "create_date",
    "thumbprints",
}


@pytest.fixture
def before(run, aws):
    """Make what comes before a module in an issuer's life."""

    def make(module_name):
        for name, options in STEPS.items():
            if name == module_name:
                break
            run(name, **options)
        aws.calls.clear()

    return make


@pytest.mark.parametrize("module_name", STEPS)
class TestLife:
    def test_check_mode_plans_what_the_run_does_and_writes_nothing(self, run, aws, before, module_name):
        before(module_name)
        planned = run(module_name, True, **STEPS[module_name]).result
        assert aws.writes == []
        done = run(module_name, **STEPS[module_name]).result
        assert planned["actions"] == done["actions"] == aws.writes
        assert planned["changed"] is done["changed"] is True
        for name in ("diff", "permissions", *(set(done) - VARYING)):
            assert planned[name] == done[name], name

    def test_the_second_run_changes_nothing_and_returns_the_same(self, run, aws, before, module_name):
        before(module_name)
        first = run(module_name, **STEPS[module_name]).result
        aws.calls.clear()
        second = run(module_name, **STEPS[module_name]).result
        assert (second["changed"], second["actions"], second["diff"], aws.writes) == (False, [], [], [])
        for name in set(first) - VARYING:
            assert second[name] == first[name], name

    def test_absent_removes_and_may_run_twice(self, run, aws, before, module_name):
        before(module_name)
        run(module_name, **STEPS[module_name])
        if module_name == "irsa_bucket":
            for key, text in (("keys.json", JWKS), (".well-known/openid-configuration", DISCOVERY)):
                aws.quietly("s3").put_object(Bucket="irsa-prod", Key=key, Body=text.encode())
        aws.calls.clear()
        planned = run(module_name, True, **STEPS[module_name], state="absent").result
        assert aws.writes == []
        done = run(module_name, **STEPS[module_name], state="absent").result
        assert planned["actions"] == done["actions"] == aws.writes != []
        assert run(module_name, **STEPS[module_name], state="absent").result["changed"] is False

    def test_a_denied_call_is_in_the_result(self, run, aws, before, module_name):
        before(module_name)
        read = {
            "irsa_bucket": "s3:HeadBucket",
            "irsa_publish": "s3:GetObject",
            "irsa_oidc_provider": "iam:GetOpenIDConnectProvider",
        }
        aws.fail(read[module_name], "AccessDenied", 403, message="not today")
        result = run(module_name, fails=True, **STEPS[module_name]).result
        assert result["call"] == read[module_name] and result["missing_permissions"]
        assert result["missing_permissions"][0] in result["msg"]


class TestIssuer:
    def test_irsa_issuer_does_the_work_of_the_single_modules(self, run, aws):
        for name in STEPS:
            run(name, **STEPS[name])
        done, aws.calls[:] = aws.writes, []
        planned = run("irsa_issuer", True, **ISSUER_OPTIONS).result
        assert aws.writes == []
        first = run("irsa_issuer", **ISSUER_OPTIONS).result
        assert planned["actions"] == first["actions"] == first["issuer"]["actions"] == aws.writes == done
        second = run("irsa_issuer", **ISSUER_OPTIONS).result
        assert (second["changed"], second["actions"], second["diff"]) == (False, [], [])
        aws.calls.clear()
        removed = run("irsa_issuer", **ISSUER_OPTIONS, state="absent").result
        assert (
            removed["actions"]
            == aws.writes
            == ["iam:DeleteOpenIDConnectProvider", "s3:DeleteObject", "s3:DeleteObject"]
        )

    def test_irsa_issuer_creates_the_key_at_key_path(self, run, aws, tmp_path):
        tmp_path.chmod(0o700)
        options = {**ISSUER_OPTIONS, "key": None, "key_path": str(tmp_path / "sa.key"), "key_type": "ECDSA"}
        options["public_key_path"] = str(tmp_path / "sa.pub")
        planned = run("irsa_issuer", True, **options).result
        assert aws.writes == list(tmp_path.iterdir()) == []
        first = run("irsa_issuer", **options).result
        assert planned["actions"] == first["actions"]
        assert [action for action in first["actions"] if action.startswith("file:")] == [
            "file:CreatePrivateKey",
            "file:WritePublicKey",
        ]
        assert first["issuer"]["kid"] == samples.kid((tmp_path / "sa.key").read_bytes())
        assert run("irsa_issuer", **options).result["changed"] is False

    @pytest.mark.parametrize("given", [{}, {"key": {}}], ids=["neither", "an empty result"])
    def test_irsa_issuer_requires_a_key(self, run, aws, given):
        options = {**ISSUER_OPTIONS, "key": None, **given}
        result = run("irsa_issuer", fails=True, **options).result
        assert result["msg"] == "one of the following is required: key, key_path, from_cluster, extra_jwks"
        assert aws.calls == []

    def test_irsa_issuer_is_removed_without_a_key(self, run, aws):
        assert run("irsa_issuer", **{**ISSUER_OPTIONS, "key": None}, state="absent").result["changed"] is False

    def test_irsa_issuer_lists_the_writes_before_a_failure(self, run, aws):
        aws.fail("s3:PutObject", "AccessDenied", 403)
        result = run("irsa_issuer", fails=True, **ISSUER_OPTIONS).result
        assert result["actions"] == ["s3:CreateBucket", "s3:PutPublicAccessBlock", "s3:PutBucketPolicy"]
        assert result["call"] == "s3:PutObject"


@pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
def test_irsa_publish_requires_its_texts_outside_check_mode(run, aws, check_mode):
    options = {**STEPS["irsa_publish"], "jwks_json": None}
    done = run("irsa_publish", check_mode, fails=not check_mode, **options)
    if check_mode:
        assert done.result["actions"] == ["s3:PutObject", "s3:PutObject"]
    else:
        assert "missing required arguments: jwks_json" in done.result["msg"]
    assert aws.writes == []


def test_irsa_publish_takes_objects_as_well_as_their_text(run, aws, before):
    before("irsa_publish")
    given = {name: json.loads(STEPS["irsa_publish"][name]) for name in ("jwks_json", "discovery_json")}
    done = run("irsa_publish", **{**STEPS["irsa_publish"], **given})
    assert done.result["jwks_json"] == documents.render(given["jwks_json"])
    assert run("irsa_publish", **{**STEPS["irsa_publish"], **given}).result["changed"] is False
    refused = run("irsa_publish", fails=True, **{**STEPS["irsa_publish"], "jwks_json": {"jwks": []}})
    assert "jwks_json cannot be used: it is not a JWKS" in refused.result["msg"]


def test_irsa_publish_warns_of_foreign_keys(run, aws, before):
    before("irsa_publish")
    other = documents.render({"keys": [{**KEY, "kid": "theirs"}]})
    run("irsa_publish", **{**STEPS["irsa_publish"], "jwks_json": other})
    result = run("irsa_publish", **STEPS["irsa_publish"]).result
    assert result["foreign_kids"] == ["theirs"]
    assert any("theirs" in str(warning) for warning in result["warnings"])


def test_irsa_bucket_takes_resource_tags_as_amazon_aws_does(run, aws):
    run("irsa_bucket", name="irsa-prod", region=REGION, resource_tags={"team": "platform"})
    assert aws.quietly("s3").get_bucket_tagging(Bucket="irsa-prod")["TagSet"] == [{"Key": "team", "Value": "platform"}]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"thumbprints": ["x" * 40]}, "40 hexadecimal digits"),
        ({"thumbprints": ["auto", "a" * 40]}, "either only"),
        ({"client_ids": [str(number) for number in range(101)]}, "101 entries"),
        ({"url": "https://irsa.example.com:443"}, "has a port"),
        ({"account_id": 12345678901}, "twelve digits"),
        ({"account_id": "999999999999"}, ACCOUNT),
        ({"thumbprints": ["auto"], "connect_to": "host:port"}, "connect_to"),
        ({"thumbprints": ["auto"], "connect_to": "127.0.0.1:1", "ca_path": "/no/such/file"}, "ca_path"),
    ],
    ids=["no hex", "auto and others", "101", "port", "account as a number", "another account", "connect_to", "ca_path"],
)
def test_irsa_oidc_provider_refuses_wrong_input(run, aws, given, words):
    done = run("irsa_oidc_provider", fails=True, **{**STEPS["irsa_oidc_provider"], **given})
    assert words in done.result["msg"]
    assert aws.writes == []


def test_irsa_oidc_provider_computes_the_thumbprint(run, aws, tmp_path):
    (tmp_path / "ca.pem").write_bytes(ROOT.pem)
    server = HttpsServer(tmp_path, [LEAF, INTERMEDIATE])
    try:
        result = run(
            "irsa_oidc_provider",
            url=f"https://{HOST}",
            region=REGION,
            thumbprints=["auto"],
            connect_to=server.address,
            ca_path=str(tmp_path / "ca.pem"),
        ).result
    finally:
        server.stop()
    assert result["thumbprints"] == [hashlib.sha1(INTERMEDIATE.der, usedforsecurity=False).hexdigest()]
    assert aws.params_of("iam:CreateOpenIDConnectProvider")[0]["ThumbprintList"] == result["thumbprints"]


@pytest.mark.parametrize("module_name", [*STEPS, "irsa_bucket_info", "irsa_oidc_provider_info"])
def test_a_missing_boto3_is_named(run, aws, monkeypatch, module_name):
    monkeypatch.setattr(aws_module, "BOTO3_IMPORT_ERROR", ImportError("no boto3"))
    options = STEPS.get(module_name, {"name": "irsa-prod"} if module_name == "irsa_bucket_info" else {})
    assert "boto3>=1.35.70 (no boto3)" in run(module_name, fails=True, **options).result["msg"]


def test_a_boto3_that_is_too_old_is_named_with_its_version(run, aws, monkeypatch):
    monkeypatch.setattr(aws_module.AnsibleAWSModule, "botocore_at_least", lambda self, version: version != "1.35.70")
    message = run("irsa_issuer", fails=True, **ISSUER_OPTIONS).result["msg"]
    assert f"boto3>=1.35.70 ({boto3.__version__} is installed, which has no conditional writes to S3)" in message


@pytest.mark.parametrize(
    ("module_name", "options", "more"),
    [
        ("irsa_issuer", {**ISSUER_OPTIONS, "from_cluster": True, "kubeconfig": "/nonexistent"}, ["kubernetes>=24.2"]),
        ("irsa_issuer", ISSUER_OPTIONS, []),
        ("irsa_verify", {"issuer": ISSUER}, []),
        (
            "irsa_verify",
            {"issuer": ISSUER, "assume_role": True, "kubeconfig": "/nonexistent"},
            ["kubernetes>=24.2"],
        ),
    ],
)
def test_all_missing_libraries_are_named_at_once(run, aws, monkeypatch, module_name, options, more):
    monkeypatch.setattr(aws_module, "BOTO3_IMPORT_ERROR", ImportError("no boto3"))
    monkeypatch.setattr(signing_key, "CRYPTOGRAPHY_IMPORT_ERROR", ImportError("no cryptography"))
    monkeypatch.setattr(jwk, "JWCRYPTO_IMPORT_ERROR", ImportError("no jwcrypto"))
    monkeypatch.setattr(api_server, "KUBERNETES_IMPORT_ERROR", ImportError("no kubernetes"))
    message = run(module_name, fails=True, **options).result["msg"]
    command = message.partition("To install: ")[2]
    for requirement in ("boto3>=1.35.70", "cryptography>=3.4", "jwcrypto>=1.5.0", *more):
        assert f"{requirement} (no " in message and requirement.partition(">")[0] in command
    assert ("kubernetes" in message) == bool(more)


@pytest.mark.parametrize("module_name", ["irsa_publish", "irsa_jwks", "irsa_verify", "irsa_issuer"])
def test_a_missing_jwcrypto_is_named(run, aws, monkeypatch, module_name):
    monkeypatch.setattr(jwk, "JWCRYPTO_IMPORT_ERROR", ImportError("no jwcrypto"))
    options = STEPS.get(module_name, ISSUER_OPTIONS if module_name == "irsa_issuer" else {"issuer": ISSUER})
    assert "jwcrypto>=1.5.0 (no jwcrypto)" in run(module_name, fails=True, **options).result["msg"]


@pytest.mark.parametrize("module_name", ["irsa_oidc_provider", "irsa_jwks", "irsa_verify", "irsa_issuer"])
def test_a_missing_cryptography_is_named(run, aws, monkeypatch, module_name):
    monkeypatch.setattr(signing_key, "CRYPTOGRAPHY_IMPORT_ERROR", ImportError("no cryptography"))
    options = STEPS.get(module_name, ISSUER_OPTIONS if module_name == "irsa_issuer" else {"issuer": ISSUER})
    assert "cryptography>=3.4 (no cryptography)" in run(module_name, fails=True, **options).result["msg"]


@pytest.mark.parametrize(
    ("max_age", "verdict", "message"),
    [
        (7200, "degraded", "works, but has warnings. https"),
        (None, "broken", "does not work. https"),
    ],
)
def test_irsa_verify_says_why_it_fails_on_warnings(run, tmp_path, max_age, verdict, message):
    (tmp_path / "ca.pem").write_bytes(ROOT.pem)
    server = HttpsServer(tmp_path, [LEAF, INTERMEDIATE])
    issuer = f"https://{HOST}"
    discovery = documents.render(documents.discovery(issuer, f"{issuer}/keys.json", ["ES256"]))
    try:
        if max_age is not None:
            headers = {"Content-Type": "application/json", "Cache-Control": f"max-age={max_age}"}
            server.serve("/.well-known/openid-configuration", discovery.encode(), **headers)
            server.serve("/keys.json", JWKS.encode(), **headers)
        options = {"issuer": issuer, "connect_to": server.address, "ca_path": str(tmp_path / "ca.pem"), "timeout": 60}
        result = run("irsa_verify", fails=True, **options, provider="skip", fail_on="warning").result
    finally:
        server.stop()
    assert result["verdict"] == verdict
    assert result["msg"].startswith(f"The issuer {issuer} {message}")


def test_a_token_that_the_api_server_makes_is_in_no_output(run, aws, api_servers):
    """Neither whole, nor where something that is checked repeats it in part."""
    made = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYXJ0In0.c2lnbmF0dXJlLXRoYXQtbm9ib2R5LXNlZXM"
    server = api_servers.start(made, [])
    path = "/api/v1/namespaces/shop/serviceaccounts/cart/token"
    serve_json(server, path, {"status": {"token": made}}, status=201)
    options = {"issuer": ISSUER, "kubeconfig": api_servers.kubeconfig(server), "service_account": "shop/cart"}
    for fails, fail_on in ((True, "error"), (False, "never")):
        done = run("irsa_verify", fails=fails, **options, connect_to="127.0.0.1:1", fail_on=fail_on)
        assert server.bodies and made not in done.printed
        server.bodies.clear()
        assert [each["status"] for each in done.result["checks"] if each["id"] == "token-format"] == ["ok"]


def test_irsa_verify_needs_a_kubeconfig_for_a_service_account(run, aws):
    result = run("irsa_verify", fails=True, issuer=ISSUER, service_account="shop/cart").result
    assert "missing parameter(s) required by 'service_account': kubeconfig" in result["msg"]
    result = run("irsa_verify", fails=True, issuer=ISSUER, service_account="shop/cart", token="unused").result
    assert "mutually exclusive: token|token_path|service_account" in result["msg"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_irsa_issuer_publishes_what_the_api_servers_serve(run, aws, api_servers, check_mode):
    front, other, down = (api_servers.start(ISSUER, [key]) for key in (KEY, OTHER, KEY))
    serve_json(front, ENDPOINTS, endpoints_of(front.address, other.address, down.address))
    down.stop()
    options = {"bucket": "irsa-prod", "region": REGION, "verify": False}
    cluster = {"from_cluster": True, "kubeconfig": api_servers.kubeconfig(front)}
    result = run("irsa_issuer", check_mode, **options, **cluster).result
    assert {key["kid"] for key in result["issuer"]["keys"]} == {KEY["kid"], OTHER["kid"]}
    assert result["issuer"]["kid"] is None and not result["key_wanted"]
    warning = f"1 API server of the cluster did not answer ({down.address}: Connection refused)."
    assert warning in str(result["warnings"])
    assert bool(aws.writes) != check_mode
    refused = run("irsa_issuer", check_mode, fails=True, legacy_empty_kid=True, **options, **cluster).result
    assert "requires the key" in refused["msg"]


def test_irsa_issuer_removes_no_key_while_an_api_server_does_not_answer(run, aws, api_servers):
    """It may be the key of that server."""
    front, down = (api_servers.start(ISSUER, [key]) for key in (KEY, OTHER))
    serve_json(front, ENDPOINTS, endpoints_of(front.address, down.address))
    options = {"bucket": "irsa-prod", "region": REGION, "verify": False, "purge_keys": True}
    cluster = {"from_cluster": True, "kubeconfig": api_servers.kubeconfig(front)}
    run("irsa_issuer", **options, **cluster)
    down.stop()
    before = len(aws.writes)
    message = run("irsa_issuer", fails=True, **options, **cluster).result["msg"]
    assert down.address in message and "irsa_issuer_purge_keys" in message
    assert len(aws.writes) == before


def test_irsa_issuer_needs_keys_to_publish(run, aws):
    options = {"bucket": "irsa-prod", "region": REGION}
    message = run("irsa_issuer", fails=True, **options).result["msg"]
    assert message == "one of the following is required: key, key_path, from_cluster, extra_jwks"
    message = run("irsa_issuer", fails=True, from_cluster=True, **options).result["msg"]
    assert message == "from_cluster requires kubeconfig"
    message = run("irsa_issuer", fails=True, from_cluster=True, kubeconfig="/nowhere", **options).result["msg"]
    assert message.startswith("The kubeconfig /nowhere cannot be used")
    assert run("irsa_issuer", from_cluster=True, state="absent", **options).result["changed"] is False
