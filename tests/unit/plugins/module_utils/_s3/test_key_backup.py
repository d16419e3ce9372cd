# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backup of a key never replaces another key, and goes to private buckets only."""

from __future__ import annotations

import base64
import hashlib

import pytest
from botocore.exceptions import ConnectionClosedError

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.key_backup import KeyBackupSpec, ensure_backup
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, REGION, refusal

BUCKET = "example-vault"
PUT, GET = "s3:PutObject", "s3:GetObject"
NAMES = ("sa.key", "sa-pkcs8.pub", "sa.key.pub")
CLOSED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)

OURS, OTHERS = samples.P256.traditional, samples.OTHER_RSA.traditional


@pytest.fixture
def s3(fake_aws):
    """A client of others, and the private bucket."""
    client = fake_aws.quietly("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=CLOSED)
    return client


@pytest.fixture
def files(tmp_path):
    """The three files of our key."""
    write_files(tmp_path, OURS)
    return tmp_path


def write_files(folder, private):
    forms = (private, samples.public_pem(private), samples.openssh_line(private).encode() + b"\n")
    for name, content in zip(NAMES, forms, strict=True):
        (folder / name).write_bytes(content)


def ensure(fake_aws, folder, check_mode=False, **given):
    paths = dict(zip(("key_path", "public_key_path", "openssh_public_key_path"), NAMES, strict=True))
    options = {
        "destination": f"s3://{BUCKET}/prod",
        "region": REGION,
        **{option: str(folder / name) for option, name in paths.items()},
        **given,
    }
    return ensure_backup(Aws(fake_aws.clients), KeyBackupSpec(**options), check_mode)


def stored(s3):
    """What the bucket holds, by key."""
    listed = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {each["Key"]: s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in listed}


def opened(s3):
    def act():
        s3.put_public_access_block(
            Bucket=BUCKET, PublicAccessBlockConfiguration={**CLOSED, "RestrictPublicBuckets": False}
        )

    return act


class TestUpload:
    def test_files_are_uploaded_once(self, fake_aws, s3, files):
        planned = ensure(fake_aws, files, check_mode=True)
        assert (stored(s3), fake_aws.writes) == ({}, [])

        done = ensure(fake_aws, files)

        assert planned.actions == done.actions == fake_aws.writes == [PUT] * 3
        assert (planned.diff, planned.permissions, planned.values) == (done.diff, done.permissions, done.values)
        assert stored(s3) == {f"prod/{name}": (files / name).read_bytes() for name in NAMES}
        assert done.values["kid"] == samples.kid(OURS)
        assert [each["changed"] for each in done.values["objects"]] == [True] * 3
        fake_aws.calls.clear()
        again = ensure(fake_aws, files)
        assert (again.actions, fake_aws.writes) == ([], [])

    def test_an_upload_has_a_condition_a_checksum_and_the_owner(self, fake_aws, s3, files):
        ensure(fake_aws, files)
        for params, name in zip(fake_aws.params_of(PUT), NAMES, strict=True):
            digest = hashlib.sha256((files / name).read_bytes()).digest()
            assert params["ChecksumSHA256"] == base64.b64encode(digest).decode()
            assert params["IfNoneMatch"] == "*"

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_each_signed_call_names_the_owner_of_the_bucket(self, fake_aws, s3, files, check_mode):
        ensure(fake_aws, files, check_mode)
        of_s3 = [params for call, params in fake_aws.params if call.startswith("s3:")]
        assert len(of_s3) >= 5
        assert {params.get("ExpectedBucketOwner") for params in of_s3} == {ACCOUNT}

    def test_a_bucket_of_another_account_is_refused(self, fake_aws, s3, files):
        message = refusal(fake_aws, ensure, files, account_id="210987654321")
        assert f"{BUCKET} exists and does not belong to account 210987654321" in message

    def test_a_missing_bucket_is_refused(self, fake_aws, files):
        assert f"{BUCKET} does not exist" in refusal(fake_aws, ensure, files)

    def test_no_byte_of_the_key_is_shown(self, fake_aws, s3, files):
        done = ensure(fake_aws, files)
        assert samples.traces_of(OURS, str((done.result, done.changes[0].after))) == []
        assert samples.kid(OURS) in done.diff[0]["after"]

    @pytest.mark.parametrize(
        ("destination", "key"),
        [
            (f"s3://{BUCKET}", "sa.key"),
            (f"s3://{BUCKET}/", "sa.key"),
            (f"s3://{BUCKET}/a/b/", "a/b/sa.key"),
            (f"s3://{BUCKET}//a//", "a/sa.key"),
        ],
    )
    def test_the_prefix_is_written_with_one_slash(self, fake_aws, s3, files, destination, key):
        ensure(fake_aws, files, destination=destination, public_key_path=None, openssh_public_key_path="")
        assert list(stored(s3)) == [key]

    @pytest.mark.parametrize("destination", ["", "keys", "s3://", "s3:///keys", "https://example-vault/keys"])
    def test_another_destination_is_refused(self, fake_aws, files, destination):
        assert "must be s3://bucket/prefix" in refusal(fake_aws, ensure, files, destination=destination)

    def test_two_files_of_one_name_are_refused(self, fake_aws, s3, files):
        (files / "public").mkdir()
        message = refusal(fake_aws, ensure, files, public_key_path=str(files / "public" / "sa.key"))
        assert "different file names" in message


class TestWhatIsThere:
    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize("name", NAMES)
    def test_the_copy_of_another_key_stays(self, fake_aws, s3, files, tmp_path, name, check_mode):
        others = tmp_path / "others"
        others.mkdir()
        write_files(others, OTHERS)
        s3.put_object(Bucket=BUCKET, Key=f"prod/{name}", Body=(others / name).read_bytes())
        before = stored(s3)

        message = refusal(fake_aws, ensure, files, check_mode=check_mode)

        assert stored(s3) == before
        for part in (f"s3://{BUCKET}/prod/{name}", samples.kid(OTHERS), samples.kid(OURS), "irsa_issuer_key_backup"):
            assert part in message

    @pytest.mark.parametrize(
        "content",
        [b"", b"hello", b"\xff" * 100, b"x" * (1 << 17), samples.public_pem(OURS), OURS + OTHERS],
        ids=["empty", "text", "bytes", "large", "public", "two"],
    )
    def test_whatever_else_has_the_name_stays(self, fake_aws, s3, files, content):
        s3.put_object(Bucket=BUCKET, Key="prod/sa.key", Body=content)
        message = refusal(fake_aws, ensure, files)
        assert stored(s3) == {"prod/sa.key": content}
        assert f"s3://{BUCKET}/prod/sa.key is not a copy of" in message
        assert samples.traces_of(OURS, message) == []

    def test_a_copy_that_lacks_a_key_of_the_file_is_none(self, fake_aws, s3, files):
        (files / "sa.key").write_bytes(OURS + OTHERS)
        s3.put_object(Bucket=BUCKET, Key="prod/sa.key", Body=OURS)
        assert f"{samples.kid(OURS)} and {samples.kid(OTHERS)}" in refusal(fake_aws, ensure, files)
        assert stored(s3) == {"prod/sa.key": OURS}

    def test_a_private_key_among_the_public_copies_stays(self, fake_aws, s3, files):
        s3.put_object(Bucket=BUCKET, Key="prod/sa.key.pub", Body=OURS)
        assert "contains a private key" in refusal(fake_aws, ensure, files)

    def test_the_same_key_in_another_form_is_a_copy(self, fake_aws, s3, files):
        copies = {
            "prod/sa.key": samples.pkcs8(OURS),
            "prod/sa-pkcs8.pub": samples.certificate(OURS),
            "prod/sa.key.pub": samples.openssh_line(OURS).encode() + b" operator@example\n",
        }
        for key, content in copies.items():
            s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        assert ensure(fake_aws, files).actions == []
        assert stored(s3) == copies

    def test_a_bundle_with_the_key_is_a_copy(self, fake_aws, s3, files):
        bundle = samples.public_pem(OTHERS) + samples.public_pem(OURS)
        s3.put_object(Bucket=BUCKET, Key="prod/sa-pkcs8.pub", Body=bundle)
        assert [each["changed"] for each in ensure(fake_aws, files).values["objects"]] == [True, False, True]
        (files / "sa-pkcs8.pub").write_bytes(bundle)
        assert ensure(fake_aws, files).actions == []

    def test_an_archived_copy_is_known_by_its_checksum(self, fake_aws, s3, files):
        ensure(fake_aws, files)
        fake_aws.calls.clear()
        fake_aws.fail(GET, "InvalidObjectState", 403, times=3)
        assert ensure(fake_aws, files).actions == []

        (files / "sa.key").write_bytes(OTHERS)
        fake_aws.fail(GET, "InvalidObjectState", 403, times=3)
        assert "InvalidObjectState" in refusal(fake_aws, ensure, files)

    def test_only_what_is_missing_is_uploaded(self, fake_aws, s3, files):
        s3.put_object(Bucket=BUCKET, Key="prod/sa.key", Body=OURS)
        done = ensure(fake_aws, files)
        assert [each["changed"] for each in done.values["objects"]] == [False, True, True]

    def test_a_key_that_another_run_uploads_meanwhile_stays(self, fake_aws, s3, files):
        fake_aws.before(PUT, lambda: s3.put_object(Bucket=BUCKET, Key="prod/sa.key", Body=OTHERS))
        with pytest.raises(IrsaError, match="is not a copy of"):
            ensure(fake_aws, files)
        assert stored(s3) == {"prod/sa.key": OTHERS}

    def test_the_same_key_that_another_run_uploads_meanwhile_is_enough(self, fake_aws, s3, files):
        fake_aws.before(PUT, lambda: s3.put_object(Bucket=BUCKET, Key="prod/sa.key", Body=OURS))
        ensure(fake_aws, files)
        assert stored(s3) == {f"prod/{name}": (files / name).read_bytes() for name in NAMES}

    def test_an_upload_whose_answer_was_lost_counts_as_made(self, fake_aws, s3, files):
        body = (files / "sa.key").read_bytes()

        def take_effect():
            s3.put_object(Bucket=BUCKET, Key="prod/sa.key", Body=body)
            raise ConnectionClosedError(endpoint_url="https://s3.example.test")

        fake_aws.before(PUT, take_effect)
        done = ensure(fake_aws, files)
        assert done.actions == [PUT] * 3
        assert [each["changed"] for each in done.values["objects"]] == [True] * 3
        assert ensure(fake_aws, files).actions == []

    def test_an_answer_that_breaks_off_is_no_evidence_of_another_key(self, fake_aws, s3, files):
        fake_aws.fail(GET, "AccessDenied", 403)
        message = refusal(fake_aws, ensure, files)
        assert "s3:GetObject" in message and "is not a copy" not in message


class TestPrivacy:
    def test_a_public_bucket_is_refused(self, fake_aws, s3, files):
        opened(s3)()
        assert "does not block all public access" in refusal(fake_aws, ensure, files)

    def test_the_bucket_is_looked_at_right_before_and_right_after_the_uploads(self, fake_aws, s3, files):
        ensure(fake_aws, files)
        start = fake_aws.calls.index(PUT)
        look = "s3:GetPublicAccessBlock"
        assert fake_aws.calls[start - 1 :] == [look, PUT, PUT, PUT, look]

    def test_a_bucket_that_is_opened_during_the_uploads_fails_the_run(self, fake_aws, s3, files):
        fake_aws.before(PUT, opened(s3))
        with pytest.raises(IrsaError) as caught:
            ensure(fake_aws, files)
        assert "opened while the key files were uploaded" in str(caught.value)
        assert caught.value.details["actions"] == [PUT] * 3

    def test_an_unchanged_backup_in_a_bucket_that_was_opened_fails_the_run(self, fake_aws, s3, files):
        ensure(fake_aws, files)
        opened(s3)()
        fake_aws.calls.clear()
        assert "does not block all public access" in refusal(fake_aws, ensure, files)


class TestMissingFiles:
    def test_a_place_for_a_key_that_does_not_exist_yet_must_be_free(self, fake_aws, s3, tmp_path):
        assert ensure(fake_aws, tmp_path, upload=False).result["kid"] is None
        s3.put_object(Bucket=BUCKET, Key="prod/sa.key", Body=OURS)
        message = refusal(fake_aws, ensure, tmp_path, upload=False)
        assert "restore it" in message and str(tmp_path / "sa.key") in message

    def test_a_look_uploads_nothing(self, fake_aws, s3, files):
        assert ensure(fake_aws, files, upload=False).actions == []
        assert stored(s3) == {}

    def test_check_mode_expects_files_that_an_earlier_task_would_create(self, fake_aws, s3, tmp_path):
        assert ensure(fake_aws, tmp_path, check_mode=True).actions == [PUT] * 3

    @pytest.mark.parametrize("name", NAMES)
    def test_a_missing_file_is_named(self, fake_aws, s3, files, name):
        (files / name).unlink()
        assert f"{files / name} does not exist" in refusal(fake_aws, ensure, files)

    def test_a_damaged_key_is_not_uploaded(self, fake_aws, s3, files):
        (files / "sa.key").write_bytes(b"hello")
        assert "cannot be used" in refusal(fake_aws, ensure, files)

    def test_a_private_key_in_place_of_a_public_one_is_not_uploaded(self, fake_aws, s3, files):
        (files / "sa.key.pub").write_bytes(OTHERS)
        assert "contains a private key" in refusal(fake_aws, ensure, files)
