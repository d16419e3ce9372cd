# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job: a first look in check mode, the run itself, and a run that finds everything right."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from accounts import Account
from fetching import Anonymous
from oracles import kid_of, openssl, token
from playbooks import Operator, Run
from tests.sandbox import Sandbox

BUCKET = "irsa-main"
HOST = f"{BUCKET}.s3.eu-west-1.amazonaws.com"
ISSUER = f"https://{HOST}"
ARN = f"arn:aws:iam::123456789012:oidc-provider/{HOST}"


@dataclass
class Story:
    """The three runs, and what was there between the first two."""

    operator: Operator
    check: Run
    after_check: list[Path]
    first: Run
    second: Run


@pytest.fixture(scope="module")
def story(new_operator: Callable[[], Operator]) -> Story:
    operator = new_operator()
    operator.variables = {
        "irsa_issuer_bucket": BUCKET,
        "irsa_issuer_key_path": str(operator.key),
        "irsa_issuer_tags": {"team": "platform"},
    }
    check = operator.provision("--check", "--diff")
    after_check = list(operator.key_files())
    return Story(operator, check.ok(), after_check, operator.provision().ok(), operator.provision("--diff").ok())


@pytest.fixture
def cloud(running: Sandbox, story: Story) -> Account:
    """The account as the story left it."""
    return Account(running)


@pytest.fixture
def look(running: Sandbox, story: Story) -> Anonymous:
    return Anonymous(running)


class TestCheckModeOnAnEmptyAccount:
    def test_check_mode_lists_the_writes_of_the_run_after_it(self, story: Story) -> None:
        assert story.check.actions == story.first.actions
        assert story.first.aws_actions == story.first.writes
        assert story.first.actions == [
            "s3:CreateBucket",
            "s3:PutPublicAccessBlock",
            "s3:PutBucketPolicy",
            "file:CreatePrivateKey",
            "file:WritePublicKey",
            "file:WriteOpensshPublicKey",
            "s3:PutObject",
            "s3:PutObject",
            "iam:CreateOpenIDConnectProvider",
        ]

    def test_check_mode_on_an_empty_account_writes_nothing(self, story: Story) -> None:
        assert story.check.calls
        assert story.check.writes == []
        assert story.after_check == []

    def test_check_mode_marks_what_is_unknown_before_the_key_exists(self, story: Story) -> None:
        assert story.check.result["kid"] is None
        assert (
            story.check.drawn()[str(story.operator.key)]["after"]["key"]["kid"]
            == "(not known until the key is created)"
        )

    def test_check_mode_diff_has_an_entry_for_each_write(self, story: Story) -> None:
        drawn = story.check.drawn()
        del drawn[str(story.operator.key)]
        assert list(drawn) == [
            f"bucket {BUCKET} (bucket)",
            f"bucket {BUCKET} (public access block)",
            f"bucket {BUCKET} (policy)",
            f"s3://{BUCKET}/keys.json (document)",
            f"s3://{BUCKET}/.well-known/openid-configuration (document)",
            f"provider {ARN} (provider)",
        ]
        assert json.loads(drawn[f"bucket {BUCKET} (bucket)"]["after"])["tags"] == {"team": "platform"}
        assert json.loads(drawn[f"provider {ARN} (provider)"]["after"])["client_ids"] == ["sts.amazonaws.com"]

    def test_check_mode_returns_the_permissions_that_the_run_needs(self, story: Story) -> None:
        assert story.check.result["permissions"] == story.first.result["permissions"]


class TestSecondRun:
    def test_second_provision_changes_nothing(self, story: Story) -> None:
        assert story.second.changed == {"localhost": 0}
        assert story.second.actions == []
        assert story.second.calls
        assert story.second.writes == []

    def test_second_provision_returns_the_values_of_the_first(self, story: Story) -> None:
        first, second = story.first.result, story.second.result
        differing = {name for name in first if first[name] != second[name]}
        assert first.keys() == second.keys()
        assert differing - {"checks"} == {"actions", "changed", "documents", "permissions"}
        # IAM gives a new provider a thumbprint of its own accord, which only the second run sees.
        checks = [
            [each for each in result["checks"] if each["id"] != "provider-thumbprints"] for result in (first, second)
        ]
        assert checks[0] == checks[1]
        assert len(checks[0]) == len(first["checks"]) - 1 == len(second["checks"]) - 1
        assert [{**document, "changed": False} for document in first["documents"]] == second["documents"]

    def test_no_run_of_provision_warns(self, story: Story) -> None:
        assert story.check.warnings + story.first.warnings + story.second.warnings == []
        assert "WARNING" not in story.first.output


def test_second_provision_makes_no_call_twice(story: Story) -> None:
    names = ("service", "operation", "bucket", "key", "anonymous")
    calls = [tuple(call[name] for name in names) for call in story.second.calls]
    assert len(set(calls)) == len(calls), calls


def test_the_result_says_everything_that_later_plays_need(story: Story) -> None:
    result = story.first.result
    kid = kid_of(story.operator.key)
    assert {name: value for name, value in result.items() if name not in ("documents", "permissions", "actions")} == {
        "issuer": ISSUER,
        "issuer_host": HOST,
        "jwks_uri": f"{ISSUER}/keys.json",
        "provider_arn": ARN,
        "providers": [{"account_id": "123456789012", "arn": ARN}],
        "kid": kid,
        "algorithm": "RS256",
        "keys": [{"kid": kid, "algorithm": "RS256", "foreign": False}],
        "bucket": BUCKET,
        "jwks_json": result["jwks_json"],
        "discovery_json": result["discovery_json"],
        "public_key": openssl("pkey", "-in", str(story.operator.key), "-pubout").decode(),
        "apiserver_flags": [
            f"--service-account-issuer={ISSUER}",
            "--service-account-key-file=/etc/kubernetes/pki/sa-signer-pkcs8.pub",
            "--service-account-signing-key-file=/etc/kubernetes/pki/sa-signer.key",
            f"--service-account-jwks-uri={ISSUER}/keys.json",
        ],
        "apiserver_key_files": [
            {"src": str(story.operator.key), "dest": "/etc/kubernetes/pki/sa-signer.key", "mode": "0600"},
            {
                "src": f"{story.operator.keys}/sa-signer-pkcs8.pub",
                "dest": "/etc/kubernetes/pki/sa-signer-pkcs8.pub",
                "mode": "0644",
            },
        ],
        **{name: result[name] for name in ("apiserver_args", "kubeadm_extra_args", "k3s_args")},
        "documents_path": None,
        "changed": True,
        "verification": result["verification"],
        "checks": result["checks"],
    }
    assert result["verification"].startswith("ok: ")
    assert {check["status"] for check in result["checks"]} <= {"ok", "skipped"}
    assert {"discovery-issuer", "kid-expected"} <= {check["id"] for check in result["checks"]}


class TestPublishedDocuments:
    def test_published_documents_can_be_fetched_anonymously_at_the_issuer(self, story: Story, look: Anonymous) -> None:
        for name, path in (("jwks_json", "keys.json"), ("discovery_json", ".well-known/openid-configuration")):
            fetched = look(f"{ISSUER}/{path}")
            assert fetched.status == 200
            assert fetched.headers["content-type"] == "application/json"
            assert fetched.headers["cache-control"] == "no-cache"
            assert fetched.body.decode() == story.second.result[name]

    def test_nothing_but_the_documents_is_public(self, cloud: Account, look: Anonymous) -> None:
        cloud.s3.put_object(Bucket=BUCKET, Key="notes.txt", Body=b"not for you")
        try:
            assert look(f"{ISSUER}/notes.txt").status == 403
        finally:
            cloud.s3.delete_object(Bucket=BUCKET, Key="notes.txt")
        assert look(f"{ISSUER}/?list-type=2").status == 403
        assert look(f"{ISSUER}/", method="PUT").status == 403
        assert look(f"{ISSUER}/keys.json", method="DELETE").status == 403

    def test_discovery_document_equals_that_of_the_shell_procedure(self, look: Anonymous) -> None:
        # https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/SELF_HOSTED_SETUP.md
        assert json.loads(look(f"{ISSUER}/.well-known/openid-configuration").body) == {
            "issuer": ISSUER,
            "jwks_uri": f"{ISSUER}/keys.json",
            "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["sub", "iss"],
        }

    def test_published_kid_is_the_one_of_kubernetes(self, story: Story, look: Anonymous) -> None:
        (key,) = json.loads(look(f"{ISSUER}/keys.json").body)["keys"]
        assert key.keys() == {"kty", "kid", "alg", "use", "n", "e"}
        assert (key["kid"], key["alg"], key["use"]) == (kid_of(story.operator.key), "RS256", "sig")


def test_the_key_files_are_those_of_the_shell_procedure(story: Story) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in story.operator.key_files()}
    assert modes == {"sa-signer.key": 0o600, "sa-signer.key.pub": 0o644, "sa-signer-pkcs8.pub": 0o644}
    key = story.operator.key
    assert key.read_text().startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    openssl("rsa", "-in", str(key), "-check", "-noout")
    assert key.with_name("sa-signer-pkcs8.pub").read_bytes() == openssl("pkey", "-in", str(key), "-pubout")


def test_bucket_and_provider_are_as_wanted(cloud: Account) -> None:
    ownership = cloud.s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]
    assert ownership["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert cloud.s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    assert cloud.bucket_tags(BUCKET) == {"team": "platform"}
    assert cloud.providers() == [ARN]
    provider = cloud.provider(ARN)
    assert (provider["Url"], provider["ClientIDList"]) == (HOST, ["sts.amazonaws.com"])
    assert provider["Tags"] == [{"Key": "team", "Value": "platform"}]


def test_a_pod_gets_its_role(story: Story, cloud: Account) -> None:
    subject = "system:serviceaccount:default:app"
    cloud.trust(ARN, aud="sts.amazonaws.com", sub=subject)
    identity = cloud.client("sts").assume_role_with_web_identity(
        RoleArn="arn:aws:iam::123456789012:role/app",
        RoleSessionName="pod",
        WebIdentityToken=token(story.operator.key, ISSUER, subject),
    )
    assert identity["SubjectFromWebIdentityToken"] == subject
    cloud.iam.delete_role(RoleName="app")


def test_an_account_that_was_given_is_looked_up_by_no_task(operator: Operator, account: Account) -> None:
    account.make_bucket("irsa-private")
    operator.variables = {
        "irsa_issuer_bucket": "irsa-known",
        "irsa_issuer_key_path": str(operator.key),
        "irsa_issuer_account_id": "123456789012",
        "irsa_issuer_key_backup": "s3://irsa-private/keys",
    }
    operator.provision().ok()
    again = operator.provision().ok()
    assert again.changed == {"localhost": 0}
    assert "sts:GetCallerIdentity" not in again.counted_calls
