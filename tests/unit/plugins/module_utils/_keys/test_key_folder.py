# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of a new key, and whether a key survives in it. Also runs under Python 3.9."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files, key_folder, keypair
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

OPTIONS = {
    **dict.fromkeys(("public_key_path", "openssh_public_key_path", "type", "size", "curve", "mode")),
    "format": "auto",
    "regenerate": "fail",
    "create": True,
    "backup": False,
}
FOLDER, KEY = "file:CreateKeyFolder", "file:CreatePrivateKey"


@pytest.fixture(autouse=True)
def mounts(tmp_path, monkeypatch):
    """The file with the mounts of this host, which are empty at first."""
    file = tmp_path / "mountinfo"
    file.touch()
    monkeypatch.setattr(key_folder, "MOUNTS", str(file))
    return file


@pytest.fixture
def above(tmp_path):
    folder = tmp_path / "secure"
    folder.mkdir(mode=0o700)
    return folder


def run(path, check_mode=False, state="present", **given):
    pair = keypair.KeyPair({**OPTIONS, "type": "ECDSA", "path": str(path), **given}, check_mode)
    return pair.ensure_absent() if state == "absent" else pair.ensure_present()


class TestFolder:
    def test_only_the_last_directory_is_created_and_is_part_of_the_plan(self, above):
        key, public = above / "prod" / "sa-signer.key", above / "prod" / "sa-signer.pub"
        previous = os.umask(0o077)
        try:
            looked = run(key, create=False, public_key_path=str(public))
            planned = run(key, check_mode=True, public_key_path=str(public))
            assert list(above.iterdir()) == []
            done = run(key, public_key_path=str(public))
        finally:
            os.umask(previous)
        assert (looked["exists"], looked["actions"], looked["warnings"]) == (False, [], [])
        assert planned["actions"] == done["actions"] == [FOLDER, KEY, "file:WritePublicKey"]
        assert planned["warnings"] == done["warnings"] == []
        for result in (planned, done):
            assert result["diff"]["after"]["folder"] == f"{key.parent} (mode 0700)"
        status = key.parent.stat()
        assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o700, os.geteuid())
        again = run(key, public_key_path=str(public))
        assert (again["changed"], "folder" in again["diff"]["after"]) == (False, False)

    def test_a_permissive_umask_opens_nothing(self, above):
        previous = os.umask(0)
        try:
            run(above / "prod" / "sa.key")
        finally:
            os.umask(previous)
        assert stat.S_IMODE((above / "prod").stat().st_mode) == 0o700

    def test_the_directory_stays_when_the_key_is_removed(self, above):
        key = above / "prod" / "sa.key"
        run(key)
        assert run(key, state="absent")["actions"] == ["file:RemovePrivateKey"]
        assert list(key.parent.iterdir()) == []

    def test_a_sticky_directory_may_be_above_it(self, above):
        above.chmod(0o1777)
        assert run(above / "prod" / "sa.key", check_mode=True)["actions"] == [FOLDER, KEY]
        assert run(above / "prod" / "sa.key")["actions"] == [FOLDER, KEY]

    @pytest.mark.parametrize("check_mode", [True, False])
    @pytest.mark.parametrize("create", [True, False])
    def test_nothing_is_created_where_others_could_replace_it(self, above, check_mode, create):
        above.chmod(0o777)
        with pytest.raises(IrsaError, match="others can write to the directory"):
            run(above / "prod" / "sa.key", check_mode, create=create)
        assert list(above.iterdir()) == []

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("file", "a file, not a directory"),
            ("dangling link", "does not exist"),
            ("nothing", "does not exist either"),
        ],
    )
    def test_nothing_is_created_below_anything_but_a_directory(self, above, content, reason):
        if content == "file":
            (above / "other").touch()
        elif content == "dangling link":
            (above / "other").symlink_to("gone")
        before = sorted(above.iterdir())
        with pytest.raises(IrsaError, match=reason):
            run(above / "other" / "prod" / "sa.key", check_mode=content == "file")
        assert sorted(above.iterdir()) == before

    def test_no_directory_is_created_for_a_public_file_elsewhere(self, above):
        with pytest.raises(IrsaError, match="gone does not exist"):
            run(above / "prod" / "sa.key", public_key_path=str(above / "gone" / "sa.pub"))
        assert list(above.iterdir()) == []

    def test_the_directory_of_a_faster_run_is_used(self, above, monkeypatch):
        real = key_folder.create

        def lose_the_race(folder):
            os.mkdir(folder, 0o700)
            return real(folder)

        monkeypatch.setattr(key_folder, "create", lose_the_race)
        assert run(above / "prod" / "sa.key")["actions"] == [KEY]

    def test_an_open_directory_of_a_faster_run_is_refused(self, above, monkeypatch):
        def lose_the_race(folder):
            os.mkdir(folder)
            os.chmod(folder, 0o777)
            return False

        monkeypatch.setattr(key_folder, "create", lose_the_race)
        with pytest.raises(IrsaError, match="others can write"):
            run(above / "prod" / "sa.key")
        assert list((above / "prod").iterdir()) == []

    def test_a_failure_behind_it_says_what_was_created(self, above, monkeypatch):
        def refuse(path, content):
            raise IrsaError(f"{path} cannot be written: no space.")

        monkeypatch.setattr(key_files, "create_private", refuse)
        with pytest.raises(IrsaError) as caught:
            run(above / "prod" / "sa.key")
        assert (caught.value.details["changed"], caught.value.details["actions"]) == (True, [FOLDER])

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    def test_a_new_directory_that_the_owner_cannot_enter_is_named(self, above):
        [warning] = run(above / "prod" / "sa.key", check_mode=True, owner="54321")["warnings"]
        assert "54321 cannot reach the key" in warning


# Lines as of Docker, Podman, Kubernetes, and systems on disk: proc_pid_mountinfo(5).
ROOT_ON_DISK = "27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"
ROOT_OF_CONTAINER = "638 597 0:55 / / rw,relatime master:3 - overlay overlay rw,lowerdir=/a:/b,upperdir=/c,workdir=/d"
VOLUME = "650 638 8:1 /srv/keys {folder} rw,relatime - xfs /dev/sda1 rw"
EMPTY_DIR = "651 638 8:1 /var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/runner {folder} rw - ext4 /dev/sda1 rw"


class TestLoss:
    """``{folder}`` is the directory above that of the key."""

    @pytest.mark.parametrize(
        ("lines", "what"),
        [
            ([ROOT_ON_DISK], None),
            ([ROOT_OF_CONTAINER], "the file system of a container (overlay)"),
            ([ROOT_OF_CONTAINER.replace(" - overlay", " - fuse.fuse-overlayfs")], "fuse-overlayfs"),
            ([ROOT_OF_CONTAINER, VOLUME], None),
            ([VOLUME, ROOT_OF_CONTAINER], None),
            ([ROOT_OF_CONTAINER, EMPTY_DIR], "an emptyDir volume"),
            ([ROOT_ON_DISK, "30 27 0:24 / {folder} rw,nosuid - tmpfs tmpfs rw,size=1024k"], "in memory"),
            ([ROOT_ON_DISK, "30 27 0:24 / {folder} rw - ramfs none rw"], "in memory"),
            ([ROOT_ON_DISK, "30 27 0:24 / {folder}/other rw - tmpfs tmpfs rw"], None),
            ([ROOT_ON_DISK, "30 27 0:24 / {folder}2 rw - tmpfs tmpfs rw"], None),
            ([ROOT_ON_DISK, "30 27 0:24 / {folder} rw - tmpfs tmpfs rw", VOLUME], None),
            ([ROOT_ON_DISK, VOLUME, "30 27 0:24 / {folder} rw - tmpfs tmpfs rw"], "in memory"),
            (["", "nonsense", "1 2 3 - x"], None),
        ],
        ids=[
            *("disk", "container", "rootless container", "volume", "volume first", "emptyDir", "tmpfs", "ramfs"),
            *("below", "beside", "over tmpfs", "under tmpfs", "nonsense"),
        ],
    )
    def test_a_new_key_that_would_be_lost_is_warned_of(self, above, mounts, lines, what):
        mounts.write_text("".join(f"{line.format(folder=above)}\n" for line in lines))
        key = above / "prod" / "sa.key"
        assert run(key, create=False)["warnings"] == []
        planned, done = run(key, check_mode=True)["warnings"], run(key)["warnings"]
        assert planned == done
        assert len(done) == (what is not None)
        assert all(what in text and str(key) in text and "irsa_issuer_key_backup" in text for text in done)
        assert run(key)["warnings"] == run(key, check_mode=True)["warnings"] == []

    def test_an_existing_key_is_no_reason_to_warn(self, above, mounts):
        mounts.write_text(f"{ROOT_OF_CONTAINER}\n")
        key = above / "sa.key"
        key.touch(mode=0o600)
        key.write_bytes(samples.P256.traditional)
        assert run(key)["warnings"] == run(key, check_mode=True)["warnings"] == []

    def test_a_mount_point_with_blanks_is_found(self, tmp_path, mounts):
        folder = tmp_path / "my keys"
        folder.mkdir(mode=0o700)
        mounts.write_text(f"{ROOT_OF_CONTAINER}\n{VOLUME.format(folder=str(folder).replace(' ', chr(92) + '040'))}\n")
        assert run(folder / "sa.key")["warnings"] == []

    def test_a_link_to_a_volume_is_followed(self, tmp_path, above, mounts):
        (tmp_path / "link").symlink_to(above)
        mounts.write_text(f"{ROOT_OF_CONTAINER}\n{VOLUME.format(folder=above)}\n")
        assert run(tmp_path / "link" / "sa.key")["warnings"] == []

    def test_without_proc_nothing_is_said(self, above, mounts):
        mounts.unlink()
        assert run(above / "sa.key")["warnings"] == []


@pytest.mark.parametrize("point", ["/etc", "/etc/kubernetes"])
def test_the_overlay_of_an_immutable_system_stays(mounts, point):
    line = ROOT_OF_CONTAINER.replace(" / / ", f" / {point} ")
    mounts.write_text(f"{ROOT_ON_DISK}\n{line}\n")
    warning = key_folder.loss_warning("/etc/kubernetes/pki/sa.key")
    assert (warning is None) == (point == "/etc")
