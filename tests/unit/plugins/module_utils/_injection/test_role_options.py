# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role's options as a whole: the rules for them, and documents in a file."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import subprocess
import sys

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import documents, role_options
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings

OPTIONS = {
    **{f"webhook_{name}": value for name, value in dataclasses.asdict(WebhookSettings()).items()},
    "kubeconfig": None,
    "manifests_path": None,
    "method": "auto",
    "guard": "off",
    "guard_exceptions": [],
    "region": "eu-west-1",
    "issuer": None,
    "audience": None,
    "issuer_audiences": None,
    "expiration": 86400,
    "sts_regional_endpoints": True,
    "mount_path": "/var/run/secrets/eks.amazonaws.com/serviceaccount",
    "annotation_prefix": "eks.amazonaws.com",
    "proof_namespace": "default",
    "timeout": 60,
    "state": "present",
}


def run(options, *, check_mode=False):
    return role_options.run({**OPTIONS, **options}, None, check_mode=check_mode)


def test_all_problems_are_named_at_once_in_the_names_that_the_user_set():
    with pytest.raises(IrsaError) as refused:
        run({"region": "?", "expiration": 5, "proof_namespace": "A", "timeout": 0})
    lines = str(refused.value).split("\n- ")
    assert lines[0] == "Invalid variables for role irsa_injection; nothing was changed."
    assert [line.split()[0] for line in lines[1:4]] == [
        "irsa_injection_region",
        "irsa_injection_expiration",
        "Set",
    ]
    assert [line.split()[0] for line in lines[4:]] == ["irsa_injection_proof_namespace", "irsa_injection_timeout"]


def test_the_webhook_in_a_file_has_its_certificate_from_cert_manager(tmp_path):
    options = {**OPTIONS, "manifests_path": str(tmp_path), "method": "webhook", "region": "eu-west-1"}
    planned = role_options.run(options, None, check_mode=True)
    result = role_options.run(options, None, check_mode=False)
    assert planned["actions"] == result["actions"] and result["method"] == "webhook"
    assert result["certificates"] == {"kind": "cert_manager", "ca_ends": None, "certificate_ends": None}
    text = (tmp_path / "irsa-injection.yaml").read_text()
    written = list(yaml.safe_load_all(text))
    assert written == result["manifests"] and not [each for each in written if each["kind"] == "Secret"]
    configuration = written[-1]
    assert "cert-manager.io/inject-ca-from" in configuration["metadata"]["annotations"]
    assert "cert-manager" in text.split("---")[0] and "kubectl label" not in text
    assert role_options.run(options, None, check_mode=False)["changed"] is False


def test_a_proof_in_a_namespace_that_the_webhook_does_not_look_at_is_refused():
    options = {**OPTIONS, "kubeconfig": "/srv/kubeconfig", "webhook_excluded_namespaces": ["default"]}
    for method in ("auto", "webhook"):
        with pytest.raises(
            IrsaError, match="irsa_injection_proof_namespace must be a namespace that the webhook looks"
        ):
            role_options.settings_of({**options, "method": method})
    role_options.settings_of({**options, "method": "policy"})


def test_none_needs_no_cluster_and_does_nothing():
    result = run({"method": "none"})
    assert result["method"] == "none" and result["changed"] is False and result["proof"]["injected"] is None


def test_removal_needs_a_cluster_whatever_the_method():
    with pytest.raises(IrsaError, match="Set irsa_kubeconfig"):
        run({"method": "none", "state": "absent"})


@pytest.mark.parametrize(
    ("issuer", "region"),
    [
        ("https://example-irsa.s3.eu-west-1.amazonaws.com/prod", "eu-west-1"),
        ("https://s3.us-gov-east-1.amazonaws.com/bucket", "us-gov-east-1"),
        ("https://bucket.s3.amazonaws.com", ""),
        ("https://oidc.example.org", ""),
        ("https://[", ""),
        ("", ""),
    ],
)
def test_the_region_of_an_issuer_is_read_from_its_host(issuer, region):
    assert role_options.region_of(issuer) == region


def test_a_region_of_its_own_goes_before_the_issuers(tmp_path):
    issuer = "https://b.s3.eu-west-1.amazonaws.com"
    for given, expected in ((None, "eu-west-1"), ("us-east-1", "us-east-1")):
        assert role_options.settings_of({**OPTIONS, "region": given, "issuer": issuer, "kubeconfig": "k"}) == Settings(
            region=expected
        )


@pytest.mark.parametrize(
    ("own", "of_issuer", "audience"),
    [
        (None, None, "sts.amazonaws.com"),
        (None, [], "sts.amazonaws.com"),
        (None, ["vault", "sts.amazonaws.com"], "vault"),
        ("own", ["vault"], "own"),
    ],
)
def test_an_audience_of_its_own_goes_before_the_first_of_the_issuer(own, of_issuer, audience):
    options = {**OPTIONS, "audience": own, "issuer_audiences": of_issuer, "kubeconfig": "k"}
    assert role_options.settings_of(options).audience == audience


def test_an_unknown_region_is_warned_of(tmp_path):
    [warning] = run({"region": None, "manifests_path": str(tmp_path)})["warnings"]
    assert "irsa_injection_region is not set" in warning


def test_a_file_is_written_once_and_only_when_its_bytes_differ(tmp_path):
    options = {"manifests_path": str(tmp_path), "guard": "warn"}
    file = tmp_path / "irsa-injection.yaml"
    planned = run(options, check_mode=True)
    assert not file.exists()
    made = run(options)
    assert planned == made and made["actions"] == [f"file:write {file}"]
    assert list(yaml.safe_load_all(file.read_text())) == documents.all_documents(
        Settings(region="eu-west-1", guard="warn")
    )
    assert made["manifests"] == documents.all_documents(Settings(region="eu-west-1", guard="warn"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    before = file.stat()
    again = run(options)
    assert again["changed"] is False and again["actions"] == [] and os.path.samestat(before, file.stat())
    assert before.st_mtime_ns == file.stat().st_mtime_ns
    changed = run({**options, "region": "us-east-1"})
    assert changed["changed"] is True
    assert "'eu-west-1'" in changed["diff"][0]["before"] and "'us-east-1'" in changed["diff"][0]["after"]
    assert os.listdir(tmp_path) == ["irsa-injection.yaml"]


def test_a_file_is_removed_with_state_absent(tmp_path):
    options = {"manifests_path": str(tmp_path)}
    run(options)
    absent = {**options, "state": "absent"}
    assert run(absent, check_mode=True)["changed"] is True and os.listdir(tmp_path)
    assert run(absent)["actions"] == [f"file:remove {tmp_path / 'irsa-injection.yaml'}"]
    assert os.listdir(tmp_path) == [] and run(absent)["changed"] is False


def test_a_folder_that_is_none_is_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path / "file"):
        (tmp_path / "file").touch()
        with pytest.raises(IrsaError, match=r"irsa_manifests_path is .* which is not a folder"):
            run({"manifests_path": str(path)})


def test_what_is_no_file_is_not_replaced(tmp_path):
    (tmp_path / "irsa-injection.yaml").mkdir()
    with pytest.raises(IrsaError, match="is a directory"):
        run({"manifests_path": str(tmp_path)})


def test_a_run_with_policies_does_not_import_cryptography(tmp_path):
    """It takes longer than everything else but the kubernetes library."""
    options = {**OPTIONS, "manifests_path": str(tmp_path), "method": "policy"}
    program = (
        f"import json, sys\nfrom {role_options.__name__} import run\n"
        "run(json.loads(sys.argv[1]), None, check_mode=False)\nsys.exit('cryptography' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, json.dumps(options)], env=environment, check=True)
