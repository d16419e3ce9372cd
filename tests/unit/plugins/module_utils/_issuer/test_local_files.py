# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run writes on the controller: its result as JSON, and the documents of an issuer that others serve."""

from __future__ import annotations

import json
import os
import stat

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import issuer_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec, SigningKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

URL = "https://oidc.invalid/prod"
DISCOVERY = ".well-known/openid-configuration"
RESULT, DOCUMENT = "file:WriteResult", "file:WriteDocument"
# What a run says of itself rather than of the issuer.
OF_RUN = {"actions", "permissions", "changed", "verification", "checks"}


def key_of(sample):
    public_key = samples.public_pem(sample.pkcs8).decode()
    return SigningKey(
        exists=True, public_key=public_key, kid=samples.kid(sample.pkcs8), algorithm=sample.algorithm, path="/k/sa.key"
    )


KEY, OTHER_KEY = key_of(samples.RSA), key_of(samples.OTHER_RSA)
IN_BUCKET = {"key": KEY, "bucket": "irsa-prod", "verify": False}
# Nothing answers there, so the issuer is not registered.
SERVED_BY_OTHERS = {"key": KEY, "url": URL, "connect_to": "127.0.0.1:1"}


def ensure(fake_aws, check_mode=False, **given):
    return issuer_present.ensure_present(Aws(fake_aws.clients), IssuerSpec(**given), check_mode)


def refusal(fake_aws, check_mode=False, **given):
    with pytest.raises(IrsaError) as caught:
        ensure(fake_aws, check_mode, **given)
    return caught.value


@pytest.fixture
def result_path(tmp_path):
    return tmp_path / "issuer.json"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "site"
    made.mkdir(mode=0o755)
    return made


class TestResult:
    def test_file_has_what_is_true_of_the_issuer_and_changes_only_with_it(self, fake_aws, result_path):
        given = {**IN_BUCKET, "result_path": str(result_path)}
        planned = ensure(fake_aws, check_mode=True, **given)
        assert os.listdir(result_path.parent) == [] and planned.actions[-1] == RESULT
        done = ensure(fake_aws, **given)
        assert (done.actions, done.diff) == (planned.actions, planned.diff)
        summary = done.values["issuer"]
        assert summary["actions"] == done.actions and summary["changed"]
        written = json.loads(result_path.read_text())
        assert written["documents"] == [{"key": each["key"], "url": each["url"]} for each in summary["documents"]]
        assert written.keys() == summary.keys() - OF_RUN
        assert all(written[name] == summary[name] for name in written.keys() - {"documents"})
        assert stat.S_IMODE(result_path.stat().st_mode) == 0o644
        before = result_path.stat().st_ino
        again = ensure(fake_aws, **given)
        assert (again.actions, again.values["issuer"]["changed"]) == ([], False)
        assert result_path.stat().st_ino == before

    def test_an_issuer_that_changes_replaces_the_result(self, fake_aws, result_path):
        ensure(fake_aws, **IN_BUCKET, result_path=str(result_path))
        done = ensure(fake_aws, **IN_BUCKET, result_path=str(result_path), former_issuers=["https://former"])
        assert done.actions == [RESULT]
        assert json.loads(result_path.read_text())["apiserver_args"]["service-account-issuer"][1] == "https://former"

    def test_empty_file_is_filled(self, fake_aws, result_path):
        result_path.touch()
        ensure(fake_aws, **IN_BUCKET, result_path=str(result_path))
        assert json.loads(result_path.read_text())["bucket"] == "irsa-prod"

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize(
        ("prepare", "reason"),
        [
            (lambda path: path.write_text("-----BEGIN PRIVATE KEY-----"), "holds something other"),
            (lambda path: path.write_text('{"issuer": "https://x.example"}'), "holds something other"),
            (lambda path: path.write_text("[]"), "holds something other"),
            (lambda path: path.write_bytes(b"\xff\xfe"), "holds something other"),
            (lambda path: path.mkdir(), "is a directory"),
            (lambda path: path.symlink_to("elsewhere.json"), "is a symbolic link"),
            (os.mkfifo, "is a named pipe"),
            (lambda path: path.parent.rmdir(), "does not exist. Create it."),
            (lambda path: (path.parent.rmdir(), path.parent.write_text("")), "is a file, not a directory"),
        ],
        ids=["key", "other object", "list", "binary", "directory", "link", "pipe", "no folder", "file for a folder"],
    )
    def test_what_cannot_or_must_not_be_replaced_stops_the_run_before_it_changes_anything(
        self, fake_aws, tmp_path, prepare, reason, check_mode
    ):
        (tmp_path / "new").mkdir()
        path = tmp_path / "new" / "issuer.json"
        prepare(path)
        error = refusal(fake_aws, check_mode, **IN_BUCKET, result_path=str(path))
        assert reason in str(error) and str(path.parent) in str(error)
        assert fake_aws.writes == []

    def test_a_write_that_fails_says_what_was_done_before_it(self, fake_aws, result_path, monkeypatch):
        def fail(path, *_arguments, **_options):
            raise IrsaError(f"{path} cannot be written: No space left on device.")

        monkeypatch.setattr(key_files, "replace", fail)
        error = refusal(fake_aws, **IN_BUCKET, result_path=str(result_path))
        assert f"{result_path} cannot be written: No space left" in str(error)
        assert error.details["changed"] and error.details["actions"] == fake_aws.writes
        monkeypatch.undo()
        assert ensure(fake_aws, **IN_BUCKET, result_path=str(result_path)).actions == [RESULT]


class TestDocuments:
    def test_documents_are_written_once_and_named_in_the_warning(self, fake_aws, folder):
        (folder / "index.html").write_text("not ours")
        given = {**SERVED_BY_OTHERS, "documents_path": str(folder)}
        planned = ensure(fake_aws, check_mode=True, **given)
        assert os.listdir(folder) == ["index.html"]
        done = ensure(fake_aws, **given)
        assert planned.actions == done.actions == [DOCUMENT, DOCUMENT]
        assert planned.diff == done.diff and [each["before"] for each in done.diff] == ["", ""]
        summary = done.values["issuer"]
        assert (folder / "keys.json").read_text() == summary["jwks_json"]
        assert (folder / DISCOVERY).read_text() == summary["discovery_json"]
        assert (folder / "index.html").read_text() == "not ours"
        assert (summary["documents_path"], summary["changed"], summary["actions"]) == (str(folder), True, done.actions)
        (warning,) = done.warnings
        assert f"Serve {folder}/keys.json at {URL}/keys.json and {folder}/{DISCOVERY} at {URL}/{DISCOVERY}" in warning
        assert ensure(fake_aws, **given).actions == []

    def test_without_a_folder_the_warning_names_the_variable(self, fake_aws):
        (warning,) = ensure(fake_aws, **SERVED_BY_OTHERS).warnings
        assert "irsa_issuer_result.jwks_json" in warning and "set irsa_issuer_documents_path" in warning

    def test_check_mode_without_a_key_announces_the_files(self, fake_aws, folder):
        given = {**SERVED_BY_OTHERS, "key": SigningKey(path="/k/sa.key"), "documents_path": str(folder)}
        prepared = ensure(fake_aws, check_mode=True, **given).values["prepared"]
        done = ensure(fake_aws, check_mode=True, **given, prepared=prepared)
        assert done.actions == [DOCUMENT, DOCUMENT]
        assert all("not known until the key is created" in entry["after"] for entry in done.diff)
        assert os.listdir(folder) == []

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize("key", [KEY, SigningKey(path="/k/sa.key")], ids=["key", "no key yet"])
    @pytest.mark.parametrize(
        ("present", "allowing"),
        [("another issuer", "overwrite"), ("another key", "purge_keys"), ("no JSON", "overwrite")],
    )
    def test_documents_of_others_stop_the_run_by_the_name_of_the_variable(
        self, fake_aws, folder, present, allowing, key, check_mode
    ):
        given = {**SERVED_BY_OTHERS, "key": key, "documents_path": str(folder)}
        if present == "another key":
            ensure(fake_aws, **{**given, "key": OTHER_KEY})
        else:
            (folder / ".well-known").mkdir()
            (folder / DISCOVERY).write_text('{"issuer": "https://x"}' if present == "another issuer" else "<html>")
        error = refusal(fake_aws, check_mode, **given)
        assert str(error).startswith("irsa_issuer_documents_path: ") and f"set irsa_issuer_{allowing}" in str(error)
        if key.exists:
            assert ensure(fake_aws, check_mode, **given, **{allowing: True}).changed

    def test_former_keys_stay_if_they_are_given(self, fake_aws, folder):
        ensure(fake_aws, **{**SERVED_BY_OTHERS, "key": OTHER_KEY}, documents_path=str(folder))
        jwks = document_set.texts(URL, document_set.from_pem("k", OTHER_KEY.public_key.encode()))["jwks"]
        ensure(fake_aws, **SERVED_BY_OTHERS, documents_path=str(folder), extra_jwks=[jwks])
        assert [key["kid"] for key in json.loads((folder / "keys.json").read_text())["keys"]] == [
            KEY.kid,
            OTHER_KEY.kid,
        ]

    def test_both_files_are_written_together(self, fake_aws, folder, result_path):
        """The file with the result names the folder."""
        ensure(fake_aws, **SERVED_BY_OTHERS, documents_path=str(folder), result_path=str(result_path))
        assert json.loads(result_path.read_text())["documents_path"] == str(folder)
