# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One API server is changed and proved, or is put back as it was. Also runs under Python 3.9."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import node_files, observation
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step import Walker
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step_request import Step
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_cluster import NEW, OLD, SIGNATURE
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_node import (
    AFTER,
    BEFORE,
    MANAGER_AFTER,
    MANAGER_BEFORE,
    Rig,
    written,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.sudden_ends import ended_at


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def rig(tmp_path):
    return Rig(tmp_path)


def test_a_step_ends_when_the_server_is_proved(rig):
    found = rig.take()
    assert rig.manifest.read_text(encoding="utf-8") == AFTER
    assert found["seconds"] == 2
    proof = found["proof"]
    assert (proof["issuer"], proof["kids"]) == (NEW, ["kid-of-the-cluster"])
    assert proof["pod"]["command"] == ["kube-apiserver", *AFTER.split()]
    assert proof["token"]["iss"] == NEW
    assert proof["token"]["reviews"] == {rig.server.url: "accepted"}
    assert SIGNATURE not in json.dumps(found)


def test_the_former_manifest_is_kept_outside_the_folder_of_static_pods(rig):
    found = rig.take()
    assert sorted(os.listdir(rig.folder / "manifests")) == ["kube-apiserver.yaml", "kube-controller-manager.yaml"]
    [backup] = found["backups"]
    assert os.path.dirname(backup) == str(rig.folder / "backup")
    with open(backup, encoding="utf-8") as file:
        assert file.read() == BEFORE
    assert os.stat(rig.folder / "backup").st_mode & 0o777 == 0o700
    assert rig.manifest.stat().st_mode & 0o777 == 0o640


def test_every_server_reviews_the_token(tmp_path):
    rig = Rig(tmp_path, servers=3)
    for other in rig.cluster.servers[1:]:
        other.run_with([f"--service-account-issuer={OLD}", f"--service-account-issuer={NEW}"])
    reviews = rig.take()["proof"]["token"]["reviews"]
    assert list(reviews) == [each.url for each in rig.cluster.servers]
    assert set(reviews.values()) == {"accepted"}


def test_a_token_that_another_server_refuses_puts_the_manifest_back(tmp_path):
    rig = Rig(tmp_path, servers=2)
    error = rig.refusal()
    assert f"mints tokens that not every API server accepts: {rig.cluster.servers[1].url} refuses the token" in str(
        error
    )
    assert "Its files were put back, and it runs as before." in str(error)
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE
    assert rig.server.issuers == [OLD]
    assert SIGNATURE not in str(error) + json.dumps(error.details)


def test_a_server_that_does_not_start_gets_its_manifest_back_and_its_log_is_told(rig):
    rig.starts = lambda flags: flags == BEFORE.split()
    log = rig.folder / "pods" / "kube-system_kube-apiserver-node1_abc" / "kube-apiserver" / "2.log"
    log.parent.mkdir(parents=True)
    lines = ["I1126 03:00:00 options.go:1] starting", 'Error: service-account-issuer "x" is already specified']
    log.write_text("".join(f"2026-11-26T03:00:00Z stderr F {line}\n" for line in lines), encoding="utf-8")
    error = rig.refusal()
    assert "does not answer /api/v1/namespaces/kube-system/pods" in str(error)
    assert "(after 180 seconds)" in str(error)
    assert "Its files were put back, and it runs as before." in str(error)
    assert error.details == {"log": lines[1], "put_back": True}
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE
    assert rig.server.up and rig.server.issuers == [OLD]


def logged(rig, *names, uid="abc", text="Error: unknown flag"):
    """Write logs of containers of the API server's pod."""
    logs = rig.folder / "pods" / f"kube-system_kube-apiserver-node1_{uid}" / "kube-apiserver"
    logs.mkdir(parents=True, exist_ok=True)
    for name in names:
        (logs / name).write_text(f"{text}\n", encoding="utf-8")


def test_a_server_that_ends_again_and_again_is_not_waited_for(rig):
    """The kubelet goes on counting for a manifest that it has had before."""
    rig.starts = lambda flags: flags == BEFORE.split()
    logged(rig, "7.log")
    rig.on_write = lambda: logged(rig, "11.log")
    error = rig.refusal()
    assert "was started 4 times and ended each time." in str(error)
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE
    assert rig.seconds < 10


def test_earlier_restarts_of_a_server_do_not_count(rig):
    """A static pod is restarted with its node, and the former container logs until it has ended."""
    logged(rig, "12.log", uid="former")
    rig.on_write = lambda: (logged(rig, "12.log", uid="former"), logged(rig, "0.log", uid="new"))
    assert rig.take()["proof"]["issuer"] == NEW


def test_earlier_restarts_do_not_count_where_nothing_is_written(rig):
    logged(rig, "12.log")
    rig.manifest.write_text(AFTER, encoding="utf-8")
    assert rig.take(files=[])["proof"]["issuer"] == NEW


def test_a_manifest_that_the_kubelet_does_not_take_up_is_put_back(rig):
    rig.delay = None
    error = rig.refusal(timeout=60)
    assert "still runs as before: the kubelet has not taken up the new manifest (after 60 seconds)" in str(error)
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE


def test_a_server_that_does_not_come_back_either_way_is_told(rig):
    rig.starts = lambda flags: False
    error = rig.refusal()
    assert "Its files were put back, but it does not answer" in str(error)
    assert f"they are also in '{rig.folder}/backup/kube-apiserver.yaml." in str(error)


def test_a_former_server_is_waited_for_until_it_is_ready(rig):
    """Its pod may be reported as ready before its API server is."""
    rig.starts = lambda flags: flags == BEFORE.split()
    rig.cluster.unready = 3
    assert "Its files were put back, and it runs as before." in str(rig.refusal())
    assert rig.cluster.unready == 0


def test_nothing_is_written_while_the_own_pod_cannot_be_seen(rig):
    """Nobody could say afterwards whether the API server runs as before."""
    rig.server.pod = lambda: rig.server.mirror("kube-apiserver-of-another-node", rig.server.command, True)
    error = rig.refusal()
    assert str(error) == (
        f"The API server {rig.server.url} does not list its own pod kube-apiserver-node1 (after 30 seconds). Nothing "
        "was written."
    )
    assert error.details["put_back"] is False
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE and not (rig.folder / "backup").exists()


def test_nothing_is_written_while_the_controller_manager_s_pod_cannot_be_seen(rig):
    rig.server.manager_pod = rig.server.pod
    error = rig.refusal(manager=rig.manager_options())
    assert "does not list its own pod kube-controller-manager-node1 (after 30 seconds). Nothing was" in str(error)
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE


def test_a_pod_that_cannot_be_seen_for_a_moment_is_waited_for(rig):
    pod = rig.server.pod
    rig.server.pod = lambda: pod() if rig.seconds else {}
    assert rig.take()["proof"]["issuer"] == NEW


@pytest.mark.parametrize("error", [IndexError, KeyboardInterrupt])
def test_whatever_ends_a_step_puts_the_manifest_back(rig, error):
    def ended(path):
        if path == observation.DISCOVERY:
            raise error("a secret")

    rig.cluster.on_request = ended
    told = rig.refusal()
    assert f"could not be proved, since this collection has a bug: {error.__name__} at " in str(told)
    assert "Its files were put back, and it runs as before." in str(told)
    assert "a secret" not in str(told)
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE


def test_without_rollback_the_new_manifest_stays(rig):
    rig.starts = lambda flags: False
    error = rig.refusal(rollback=False)
    assert "irsa_apiserver_rollback is false" in str(error)
    assert error.details["put_back"] is False
    assert rig.manifest.read_text(encoding="utf-8") == AFTER


def test_a_manifest_that_has_changed_since_it_was_read_is_not_written(rig):
    rig.manifest.write_text("--of-another-process\n", encoding="utf-8")
    error = rig.refusal()
    assert str(error) == f"{rig.manifest} has changed since it was read, so it was not written. Run again."
    assert rig.manifest.read_text(encoding="utf-8") == "--of-another-process\n"


def test_files_written_before_one_that_has_changed_are_put_back(rig):
    patch = rig.folder / "patch.yaml"
    files = [written(patch, None, "new"), written(rig.manifest, "other", AFTER)]
    rig.refusal(files=files)
    assert not patch.exists()
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE


def test_a_wrong_signing_key_puts_the_manifest_back(rig):
    error = rig.refusal(signing_kid="kid-of-the-issuer")
    assert "mints tokens with kid 'kid-of-the-cluster' instead of 'kid-of-the-issuer'" in str(error)
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE


def test_a_missing_public_key_puts_the_manifest_back(rig):
    error = rig.refusal(kids=["kid-of-the-issuer"])
    assert "does not serve the public key 'kid-of-the-issuer', only 'kid-of-the-cluster'" in str(error)


def test_another_issuer_in_the_discovery_document_puts_the_manifest_back(rig):
    error = rig.refusal(issuer="https://other.example.com")
    assert f"announces the issuer '{NEW}' instead of 'https://other.example.com'" in str(error)


def test_a_manifest_that_is_written_already_is_waited_for(rig):
    rig.manifest.write_text(AFTER, encoding="utf-8")
    assert rig.take(files=[])["proof"]["issuer"] == NEW


def test_kubeadm_s_configuration_is_written_after_the_proof(rig):
    rig.take(configuration={"before": "apiServer: {}\n", "after": "apiServer: {new: true}\n"})
    assert rig.cluster.configuration == "apiServer: {new: true}\n"
    verbs = [verb for verb, _path, _body in rig.cluster.requests]
    assert verbs.index("replace") > max(index for index, verb in enumerate(verbs) if verb == "create")


def test_kubeadm_s_configuration_is_not_written_for_a_server_that_fails(rig):
    rig.starts = lambda flags: flags == BEFORE.split()
    rig.refusal(configuration={"before": "apiServer: {}\n", "after": "apiServer: {new: true}\n"})
    assert rig.cluster.configuration == "apiServer: {}\n"


def test_a_configuration_that_has_changed_is_left_alone(rig):
    rig.cluster.configuration = "apiServer: {other: true}\n"
    error = rig.refusal(configuration={"before": "apiServer: {}\n", "after": "apiServer: {new: true}\n"})
    assert "was changed and works, but ConfigMap kube-system/kubeadm-config was not written" in str(error)
    assert "has changed since it was read. Run again." in str(error)
    assert rig.manifest.read_text(encoding="utf-8") == AFTER


def test_a_configuration_that_another_process_writes_at_the_same_time_is_left_alone(rig):
    def touch(path):
        rig.cluster.version += path == observation.CONFIGURATION

    rig.cluster.on_request = touch
    error = rig.refusal(configuration={"before": "apiServer: {}\n", "after": "apiServer: {new: true}\n"})
    assert "(Conflict): the object has been modified" in str(error)
    assert rig.cluster.configuration == "apiServer: {}\n"


class TestOwnKey:
    """The issuer's own key is installed before the manifest that names it."""

    PRIVATE = "-----BEGIN PRIVATE KEY-----\nnot a real one\n-----END PRIVATE KEY-----\n"
    PUBLIC = "-----BEGIN PUBLIC KEY-----\nnot a real one\n-----END PUBLIC KEY-----\n"

    def options(self, rig, source="/nowhere"):
        folder = rig.folder / "pki" / "irsa"
        (rig.folder / "pki").mkdir(exist_ok=True)
        return rig.options(
            key={
                "private_path": str(folder / "kid.key"),
                "public_path": str(folder / "kid.pub"),
                "public_key": self.PUBLIC,
                "source": str(source),
            }
        )

    def take(self, rig, content, source="/nowhere"):
        return Walker(Step.of(self.options(rig, source), content), rig.node()).take()

    def test_a_key_from_the_controller_is_installed(self, rig):
        found = self.take(rig, self.PRIVATE)
        folder = rig.folder / "pki" / "irsa"
        assert (folder / "kid.key").read_text(encoding="utf-8") == self.PRIVATE
        assert (folder / "kid.pub").read_text(encoding="utf-8") == self.PUBLIC
        modes = [path.stat().st_mode & 0o777 for path in (folder, folder / "kid.key", folder / "kid.pub")]
        assert modes == [0o700, 0o600, 0o644]
        assert "not a real one" not in json.dumps(found)

    def test_a_key_on_the_node_is_copied(self, rig):
        source = rig.folder / "signer.key"
        source.write_text(self.PRIVATE, encoding="utf-8")
        self.take(rig, None, source)
        assert (rig.folder / "pki" / "irsa" / "kid.key").read_text(encoding="utf-8") == self.PRIVATE

    def test_a_key_that_is_nowhere_stops_before_any_write(self, rig):
        with pytest.raises(IrsaError, match="neither on the controller nor on this node"):
            self.take(rig, None)
        assert rig.manifest.read_text(encoding="utf-8") == BEFORE

    def test_another_key_under_the_same_name_stops_before_any_write(self, rig):
        folder = rig.folder / "pki" / "irsa"
        folder.mkdir(parents=True)
        (folder / "kid.key").write_text("another", encoding="utf-8")
        with pytest.raises(IrsaError, match="is another key than the one that its name says"):
            self.take(rig, self.PRIVATE)
        assert rig.manifest.read_text(encoding="utf-8") == BEFORE

    def test_a_server_that_fails_leaves_no_copy_of_the_key(self, rig):
        rig.starts = lambda flags: flags == BEFORE.split()
        with pytest.raises(IrsaError):
            self.take(rig, self.PRIVATE)
        left = [os.path.join(folder, name) for folder, _folders, names in os.walk(rig.folder) for name in names]
        for path in left:
            with open(path, encoding="utf-8") as file:
                assert "not a real one" not in file.read(), path


ANNOTATION = {"irsa.selfhosted.example/keys": "hash"}


class TestReplacedKey:
    """The key in the file that the arguments name changes, so only an annotation restarts the server."""

    OLD_KEY = "-----BEGIN PRIVATE KEY-----\nthe former one\n-----END PRIVATE KEY-----\n"
    NEW_KEY = "-----BEGIN PRIVATE KEY-----\nthe new one\n-----END PRIVATE KEY-----\n"
    ANNOTATED = BEFORE + "irsa.selfhosted.example/keys=hash\n"
    MANAGER_ANNOTATED = MANAGER_BEFORE + "irsa.selfhosted.example/keys=hash\n"

    @pytest.fixture
    def pki(self, rig):
        return self.files(rig)

    def files(self, rig):
        folder = rig.folder / "pki"
        folder.mkdir()
        (folder / "sa.key").write_text(self.OLD_KEY, encoding="utf-8")
        (folder / "sa.key").chmod(0o600)
        (folder / "sa.pub").write_text("old\n", encoding="utf-8")
        return folder

    def options(self, rig, pki, **more):
        return rig.options(
            **{
                "arguments": ["kube-apiserver", *BEFORE.split()],
                "issuer": OLD,
                "annotations": ANNOTATION,
                "private": {
                    "path": str(pki / "sa.key"),
                    "expected": sha256(self.OLD_KEY),
                    "archive": str(pki / "irsa" / "old.key"),
                    "new": sha256(self.NEW_KEY),
                },
                "files": [
                    written(pki / "sa.pub", "old\n", "new\nold\n"),
                    written(rig.manifest, BEFORE, self.ANNOTATED),
                ],
                **more,
            }
        )

    def take(self, rig, pki, content=NEW_KEY, **more):
        return Walker(Step.of(self.options(rig, pki, **more), content), rig.node()).take()

    def refusal(self, rig, pki, **more):
        with pytest.raises(IrsaError) as caught:
            self.take(rig, pki, **more)
        return caught.value

    def is_as_before(self, rig, pki):
        return (
            (pki / "sa.key").read_text(encoding="utf-8") == self.OLD_KEY
            and (pki / "sa.pub").read_text(encoding="utf-8") == "old\n"
            and rig.manifest.read_text(encoding="utf-8") == BEFORE
            and sorted(os.listdir(pki)) == ["sa.key", "sa.pub"]
        )

    def test_it_is_replaced_and_the_former_one_is_kept_in_one_place(self, rig, pki):
        found = self.take(rig, pki)
        assert (pki / "sa.key").read_text(encoding="utf-8") == self.NEW_KEY
        assert (pki / "irsa" / "old.key").read_text(encoding="utf-8") == self.OLD_KEY
        modes = [path.stat().st_mode & 0o777 for path in (pki / "sa.key", pki / "irsa", pki / "irsa" / "old.key")]
        assert modes == [0o600, 0o700, 0o600]
        assert found["proof"]["pod"]["annotations"] == ANNOTATION
        assert sorted(name.split(".")[0] for name in os.listdir(rig.folder / "backup")) == ["kube-apiserver", "sa"]
        copies = [
            (rig.folder / "backup" / name).read_text(encoding="utf-8") for name in os.listdir(rig.folder / "backup")
        ]
        assert not any("PRIVATE KEY" in copy for copy in copies)
        assert "the former one" not in json.dumps(found) and "the new one" not in json.dumps(found)

    @pytest.mark.parametrize(("present", "mode"), [(None, 0o700), (0o755, 0o755)])
    def test_all_folders_that_are_made_for_the_former_one_are_closed(self, rig, pki, present, mode):
        if present:
            (pki / "irsa").mkdir()
            (pki / "irsa").chmod(present)
        options = self.options(rig, pki)
        options["private"]["archive"] = str(pki / "irsa" / "retired" / "old.key")
        Walker(Step.of(options, self.NEW_KEY), rig.node()).take()
        folders = (pki / "irsa", pki / "irsa" / "retired")
        assert [path.stat().st_mode & 0o777 for path in folders] == [mode, 0o700]

    def test_the_key_is_in_place_before_the_server_restarts(self, rig, pki):
        seen = []
        rig.starts = lambda words: seen.append((pki / "sa.key").read_text(encoding="utf-8")) is None
        self.take(rig, pki)
        assert seen == [self.NEW_KEY]

    def test_a_second_time_nothing_is_written(self, rig, pki):
        self.take(rig, pki)
        assert self.take(rig, pki, None, files=[])["files"] == []

    def test_what_ended_after_the_key_was_written_is_taken_up(self, rig, pki):
        (pki / "sa.key").write_text(self.NEW_KEY, encoding="utf-8")
        assert self.take(rig, pki, None)["files"] == [str(pki / "sa.pub"), str(rig.manifest)]

    def test_what_ended_after_the_archive_was_written_is_taken_up(self, rig, pki):
        (pki / "irsa").mkdir()
        (pki / "irsa" / "old.key").write_text(self.OLD_KEY, encoding="utf-8")
        assert self.take(rig, pki)["files"][0] == str(pki / "sa.key")

    def test_a_run_that_was_killed_anywhere_is_taken_up(self, tmp_path):
        """Whatever is read in between, a private key is the former or the new one, and the former one is kept."""
        number, is_killed = 0, True
        while is_killed:
            folder = tmp_path / str(number)
            folder.mkdir()
            rig = Rig(folder)
            pki = self.files(rig)
            is_killed = ended_at(number, lambda rig=rig, pki=pki: self.take(rig, pki))
            present = (pki / "sa.key").read_text(encoding="utf-8")
            archive = pki / "irsa" / "old.key"
            assert present == self.OLD_KEY or (
                present == self.NEW_KEY and archive.read_bytes() == self.OLD_KEY.encode()
            )
            public, manifest = (path.read_text(encoding="utf-8") for path in (pki / "sa.pub", rig.manifest))
            assert present == self.NEW_KEY or public == "old\n"
            assert public == "new\nold\n" or manifest == BEFORE
            files = [
                *([written(pki / "sa.pub", public, "new\nold\n")] if public == "old\n" else []),
                *([written(rig.manifest, manifest, self.ANNOTATED)] if manifest == BEFORE else []),
            ]
            assert self.take(rig, pki, files=files)["proof"]["pod"]["annotations"] == ANNOTATION
            assert (pki / "sa.key").read_text(encoding="utf-8") == self.NEW_KEY
            assert archive.read_text(encoding="utf-8") == self.OLD_KEY
            number += 1
        assert number > 20

    @pytest.mark.parametrize("content", [None, OLD_KEY])
    def test_another_key_than_the_planned_one_is_not_written(self, rig, pki, content):
        error = self.refusal(rig, pki, content=content)
        assert str(error) == f"{pki}/sa.key was not replaced: the new key did not come along whole. Run again."
        assert self.is_as_before(rig, pki)

    def test_a_key_that_has_changed_since_it_was_read_is_not_replaced(self, rig, pki):
        (pki / "sa.key").write_text("another", encoding="utf-8")
        error = self.refusal(rig, pki)
        assert str(error).startswith(f"{pki}/sa.key is another key than the one that was read, so it was not replaced.")
        assert (pki / "sa.key").read_text(encoding="utf-8") == "another"

    def test_an_archive_of_another_key_is_left_alone(self, rig, pki):
        (pki / "irsa").mkdir()
        (pki / "irsa" / "old.key").write_text("another", encoding="utf-8")
        assert "is another key than the one that" in str(self.refusal(rig, pki))
        assert (pki / "sa.key").read_text(encoding="utf-8") == self.OLD_KEY

    def test_a_server_that_fails_gets_its_former_key_back(self, rig, pki):
        rig.starts = lambda words: words == BEFORE.split()
        error = self.refusal(rig, pki)
        assert "Its files were put back, and it runs as before." in str(error)
        assert "PRIVATE KEY" not in str(error)
        assert self.is_as_before(rig, pki)

    def test_the_former_key_is_back_before_the_server_restarts(self, rig, pki):
        rig.starts = lambda words: words == BEFORE.split() and self.is_as_before(rig, pki)
        assert "and it runs as before" in str(self.refusal(rig, pki))

    def test_keys_are_put_back_before_the_manifest_that_restarts_the_server(self, rig, pki, monkeypatch):
        rig.starts = lambda words: words == BEFORE.split()
        order, replace = [], node_files.replace

        def noted(new, backup_folder):
            order.append(os.path.basename(new.path))
            return replace(new, backup_folder)

        monkeypatch.setattr(node_files, "replace", noted)
        self.refusal(rig, pki)
        put_back = ["sa.key", "sa.pub", "kube-apiserver.yaml", "old.key"]
        assert order == ["old.key", "sa.key", "sa.pub", "kube-apiserver.yaml", *put_back]

    def test_a_server_that_does_not_restart_is_not_taken_for_changed(self, rig, pki):
        rig.delay = None
        assert "has not taken up the new manifest" in str(self.refusal(rig, pki, timeout=60))

    def test_a_server_that_an_earlier_run_left_before_its_restart_is_waited_for(self, rig, pki):
        rig.delay = None
        (pki / "sa.key").write_text(self.NEW_KEY, encoding="utf-8")
        rig.manifest.write_text(self.ANNOTATED, encoding="utf-8")
        error = self.refusal(rig, pki, files=[], timeout=60)
        assert "runs without the annotation irsa.selfhosted.example/keys that its manifest has" in str(error)

    def test_the_controller_manager_restarts_by_its_annotation(self, rig, pki):
        manager = {
            "pod": "kube-controller-manager-node1",
            "arguments": ["kube-controller-manager", *MANAGER_BEFORE.split()],
            "annotations": ANNOTATION,
            "file": written(rig.manager, MANAGER_BEFORE, self.MANAGER_ANNOTATED),
        }
        assert self.take(rig, pki, manager=manager)["proof"]["manager"]["annotations"] == ANNOTATION

    def test_a_controller_manager_that_fails_gets_its_former_key_back(self, rig, pki):
        rig.manager_starts = lambda words: words == MANAGER_BEFORE.split()
        manager = {
            "pod": "kube-controller-manager-node1",
            "arguments": ["kube-controller-manager", *MANAGER_BEFORE.split()],
            "annotations": ANNOTATION,
            "file": written(rig.manager, MANAGER_BEFORE, self.MANAGER_ANNOTATED),
        }
        assert "and everything runs as before" in str(self.refusal(rig, pki, manager=manager))
        assert self.is_as_before(rig, pki)

    def test_a_retired_key_that_is_still_served_puts_everything_back(self, rig, pki):
        error = self.refusal(rig, pki, retired_kids=["kid-of-the-cluster"], kids=[])
        assert "still serves the public key 'kid-of-the-cluster'" in str(error)
        assert self.is_as_before(rig, pki)


def test_the_controller_manager_is_changed_when_the_server_is_proved(rig):
    signing = []
    rig.cluster.on_request = lambda path: signing.append(
        (path.split("?")[0], rig.manager.read_text(encoding="utf-8") == MANAGER_AFTER)
    )
    found = rig.take(manager=rig.manager_options())
    assert found["proof"]["manager"]["command"] == ["kube-controller-manager", *MANAGER_AFTER.split()]
    assert found["files"] == [str(rig.manifest), str(rig.manager)]
    changed = [path for path, is_changed in signing if is_changed]
    assert set(changed) == {"/api/v1/namespaces/kube-system/pods"}
    assert rig.server.manager == ["kube-controller-manager", *MANAGER_AFTER.split()]


def test_a_controller_manager_that_does_not_start_puts_everything_back(rig):
    rig.manager_starts = lambda flags: flags == MANAGER_BEFORE.split()
    log = rig.folder / "pods" / "kube-system_kube-controller-manager-node1_abc" / "kube-controller-manager" / "1.log"
    log.parent.mkdir(parents=True)
    log.write_text("2026-11-26T03:00:00Z stderr F E1126 permission denied\n", encoding="utf-8")
    error = rig.refusal(manager=rig.manager_options())
    assert "The static pod kube-controller-manager-node1 has started, but is not ready (after 180 seconds)." in str(
        error
    )
    assert "The files of this step were put back, and everything runs as before." in str(error)
    assert error.details == {"log": "E1126 permission denied", "put_back": True}
    assert (rig.manifest.read_text(encoding="utf-8"), rig.manager.read_text(encoding="utf-8")) == (
        BEFORE,
        MANAGER_BEFORE,
    )
    assert rig.server.issuers == [OLD] and rig.server.manager_ready


def test_a_controller_manager_that_the_kubelet_does_not_take_up_is_not_taken_for_changed(rig):
    rig.sleep_of_the_manager = lambda: None
    error = rig.refusal(manager=rig.manager_options())
    assert "node1 still runs as before: the kubelet has not taken up the new manifest" in str(error)


def test_a_controller_manager_alone_leaves_the_server_alone(rig):
    rig.server.run_with(AFTER.split())
    found = rig.take(restarts=False, files=[], manager=rig.manager_options())
    assert found["files"] == [str(rig.manager)] and found["proof"]["manager"]["ready"]


def test_one_manifest_that_cannot_be_put_back_does_not_keep_the_other_one(rig):
    """The key stays, too: the manifest that stays names it."""
    key = rig.folder / "kid.key"
    rig.manager_starts = lambda flags: rig.manager.write_text("--of-another-process\n", encoding="utf-8") == 0
    files = [written(key, None, "key"), written(rig.manifest, BEFORE, AFTER)]
    error = rig.refusal(files=files, manager=rig.manager_options())
    assert f"could not all be put back: {rig.manager} has changed since it was read" in str(error)
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE and key.exists()


def test_a_controller_manager_that_fails_leaves_a_server_that_was_changed_before(rig):
    rig.server.run_with(AFTER.split())
    rig.manifest.write_text(AFTER, encoding="utf-8")
    rig.running = AFTER
    rig.manager_starts = lambda flags: flags == MANAGER_BEFORE.split()
    error = rig.refusal(files=[], manager=rig.manager_options())
    assert "The files of this step were put back, and everything runs as before." in str(error)
    assert (rig.server.issuers[0], rig.server.manager_ready) == (NEW, True)


def test_a_manifest_of_the_controller_manager_that_has_changed_puts_everything_back(rig):
    rig.manager.write_text("--of-another-process\n", encoding="utf-8")
    error = rig.refusal(manager=rig.manager_options())
    assert str(error).startswith(f"{rig.manager} has changed since it was read, so it was not written. Run again. The ")
    assert rig.manifest.read_text(encoding="utf-8") == BEFORE
