# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which environments there are, and what is made again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import environments
import parts
import set_up
import suites
from environments import End, Environment, Environments, find_environments
from parts import Part
from suites import SUITES

TOUCH = (sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write('made ')")
FAIL = (sys.executable, "-c", "raise SystemExit(3)")


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text("a\n", encoding="utf-8")
    return file


def part(
    folder: Path,
    *commands: tuple[str, ...],
    name: str = "part",
    files: tuple[Path, ...] = (),
    base: Part | None = None,
) -> Part:
    """A part whose every making is seen in a file."""
    folder.mkdir(exist_ok=True)
    commands = ((*TOUCH, str(folder / name)), *commands)
    return Part(stamp=folder / f".{name}", title=name, commands=commands, files=files, base=base)


def makings(folder: Path, name: str = "part") -> int:
    return (folder / name).read_text(encoding="utf-8").count("made")


def bring_up(*given: Environment) -> dict[str, str]:
    return set_up.set_up(Environments({str(index): each for index, each in enumerate(given)}, {}), list("0123"))


@pytest.fixture(autouse=True)
def _own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_up, "BUILD", tmp_path / "build")


class TestParts:
    def test_a_part_is_made_once(self, tmp_path: Path) -> None:
        environment = Environment(venv=tmp_path, parts=(part(tmp_path),))
        assert bring_up(environment) == {}
        assert bring_up(environment) == {}
        assert makings(tmp_path) == 1

    def test_a_part_is_made_again_when_a_file_that_it_reads_changes(self, tmp_path: Path, requirements: Path) -> None:
        environment = Environment(venv=tmp_path, parts=(part(tmp_path, files=(requirements,)),))
        bring_up(environment)
        requirements.write_text("b\n", encoding="utf-8")
        bring_up(environment)
        assert makings(tmp_path) == 2

    def test_a_part_is_made_again_when_its_commands_change(self, tmp_path: Path) -> None:
        bring_up(Environment(venv=tmp_path, parts=(part(tmp_path),)))
        bring_up(Environment(venv=tmp_path, parts=(part(tmp_path, (*TOUCH, str(tmp_path / "more"))),)))
        assert makings(tmp_path) == 2

    def test_a_part_is_made_again_when_the_part_below_changes(self, tmp_path: Path, requirements: Path) -> None:
        base = part(tmp_path, name="base", files=(requirements,))
        environment = Environment(venv=tmp_path, parts=(base, part(tmp_path, base=base)))
        bring_up(environment)
        requirements.write_text("b\n", encoding="utf-8")
        bring_up(environment)
        assert makings(tmp_path) == makings(tmp_path, "base") == 2

    def test_a_part_that_failed_is_made_again(self, tmp_path: Path) -> None:
        environment = Environment(venv=tmp_path, parts=(part(tmp_path, FAIL), part(tmp_path, name="next")))
        (reason,) = bring_up(environment).values()
        assert reason.startswith(f"set-up of {tmp_path.name}: ") and "exit status 3" in reason
        assert not (tmp_path / "next").exists()
        bring_up(environment)
        assert makings(tmp_path) == 2

    def test_output_is_shown_only_if_a_command_fails(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        speak = (sys.executable, "-c", "import sys; print('Collecting a'); sys.exit('no proxy at 127.0.0.1:9')")
        quiet = (sys.executable, "-c", "print('Collecting b')")
        bring_up(Environment(venv=tmp_path, parts=(part(tmp_path, quiet), part(tmp_path, speak, name="next"))))
        shown = capfd.readouterr()
        assert "Collecting b" not in shown.out + shown.err
        assert "Collecting a\n" in shown.out and "no proxy at 127.0.0.1:9\n" in shown.out

    def test_a_slow_command_shows_what_it_waits_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        said: list[str] = []
        gate = tmp_path / "gate"
        os.mkfifo(gate)
        wait = f"print('Downloading a', flush=True); open({str(gate)!r}).read()"

        def say(text: str, **_options: object) -> None:
            if "waiting for: Downloading a" in text and text not in said:
                gate.write_text("", encoding="utf-8")
            said.append(text)

        monkeypatch.setattr(parts, "SLOW", 0.01)
        monkeypatch.setattr(parts, "print", say, raising=False)
        assert bring_up(Environment(venv=tmp_path, parts=(part(tmp_path, (sys.executable, "-c", wait)),))) == {}
        assert "   waiting for: Downloading a" in said

    def test_a_part_that_was_complete_is_incomplete_while_it_is_made_again(self, tmp_path: Path) -> None:
        bring_up(Environment(venv=tmp_path, parts=(part(tmp_path),)))
        bring_up(Environment(venv=tmp_path, parts=(part(tmp_path, FAIL),)))
        bring_up(Environment(venv=tmp_path, parts=(part(tmp_path),)))
        assert makings(tmp_path) == 3


def test_a_broken_environment_does_not_keep_others_from_being_set_up(tmp_path: Path) -> None:
    parts = [part(tmp_path / name, *commands) for name, commands in (("a", [FAIL]), ("b", []), ("c", []))]
    assert list(bring_up(*(Environment(venv=each.stamp.parent, parts=(each,)) for each in parts))) == ["0"]
    assert makings(tmp_path / "b") == makings(tmp_path / "c") == 1


class TestMatrix:
    @pytest.fixture
    def interpreters(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        """The interpreters of this machine beside the one that runs this, by their least version."""
        found = {"3.13": "/opt/python3.13", "3.9": "/opt/python3.9"}
        monkeypatch.setattr(environments, "find_python", lambda minimum, *names: found.get(minimum))
        monkeypatch.setattr(sys, "version_info", (3, 11))
        return found

    def test_with_python_3_13_the_matrix_has_two_ends(self, interpreters: dict[str, str]) -> None:
        found = find_environments()
        assert {name: (end.core, end.venv.name) for name, end in found.ends.items()} == {
            "old": ("2.19", ".venv"),
            "new": ("2.21", ".venv-3.13"),
        }
        assert found.newest == "new"
        assert found.missing == {}
        assert {environment.venv.name for environment in found.there.values()} == {
            ".venv",
            ".venv-3.13",
            ".venv-3.9",
            ".venv-lint",
            ".venv-importer",
            ".venv-awscli",
        }
        assert interpreters["3.13"] in found.there["lint"].parts[0].title

    def test_without_python_3_13_there_is_one_end(self, interpreters: dict[str, str]) -> None:
        del interpreters["3.13"]
        found = find_environments()
        assert [end.core for end in found.ends.values()] == ["2.19"]
        assert list(found.missing) == ["new"]
        assert "ansible-core==2.19.*" in found.there["lint"].parts[1].recipe

    def test_a_python_too_new_for_the_oldest_core_takes_the_newest(
        self, interpreters: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "version_info", (3, 14))
        found = find_environments()
        assert {name: (end.core, end.venv.name) for name, end in found.ends.items()} == {"old": ("2.21", ".venv")}
        assert list(found.missing) == ["new"]

    def test_without_python_3_9_there_is_no_node(self, interpreters: dict[str, str]) -> None:
        del interpreters["3.9"]
        assert list(find_environments().missing) == ["node"]

    def test_a_user_s_controller_has_no_test_requirements(self, interpreters: dict[str, str]) -> None:
        found = find_environments()
        assert found.there["old"].parts[:-1] == found.there["controller"].parts
        assert "pytest" not in found.there["controller"].parts[-1].recipe

    def test_suites_use_environments_that_there_are(self, interpreters: dict[str, str]) -> None:
        found = find_environments()
        for name, suite in SUITES.items():
            assert set(suite.uses) <= found.there.keys(), name
            for plan in suite.plans(found):
                assert set(plan.needs) <= set(suite.uses), plan.title


class TestEnds:
    """What each end of the matrix runs."""

    @pytest.fixture
    def both(self, tmp_path: Path) -> Environments:
        return Environments({name: self.end(tmp_path, name) for name in ("old", "new")}, {})

    def end(self, folder: Path, name: str) -> End:
        return End(venv=folder / name, parts=(), core=name, collections=folder / f"{name}-collections")

    def commands(self, suite: str, found: Environments, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
        monkeypatch.setattr(suites, "copy_collection", lambda *_: Path("/copy"))
        monkeypatch.setattr(suites, "ansible_test_environment", lambda *_: {})
        monkeypatch.setattr(End, "python_version", "3.11")
        return {plan.title: plan.prepare().command for plan in SUITES[suite].plans(found)}

    def test_unit_tests_of_modules_run_by_ansible_test_on_the_newest_end_only(
        self, both: Environments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = self.commands("unit", both, monkeypatch)
        assert list(found) == ["unit old", "unit new", "unit new modules"]
        for name in ("old", "new"):
            assert found[f"unit {name}"][:4] == [str(both.there[name].python), "-m", "pytest", "tests/unit"]
        modules = found["unit new modules"]
        assert (Path(modules[0]).name, modules[1]) == ("ansible-test", "units")
        # Each test runs once on each end.
        assert "--ignore" not in found["unit old"]
        ignored = found["unit new"][found["unit new"].index("--ignore") + 1]
        assert ignored in modules
        assert (environments.REPOSITORY / ignored).is_dir()
        plan = next(iter(SUITES["unit"].plans(both)))
        assert plan.prepare().environment["PYTHONPATH"] == str(both.there["old"].collections)

    def test_integration_tests_of_any_core_run_on_the_newest_end_only(
        self, both: Environments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = self.commands("integration", both, monkeypatch)
        assert "not any_core" in found["integration old"]
        assert "not any_core" not in found["integration new"]

    def test_an_only_end_runs_everything(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        only = Environments({"old": self.end(tmp_path, "old")}, {"new": "no Python 3.13"})
        assert list(self.commands("unit", only, monkeypatch)) == ["unit old", "unit old modules"]
        assert "not any_core" not in self.commands("integration", only, monkeypatch)["integration old"]


class TestFindPython:
    SCRIPT = environments.SETTINGS / "find_python"

    def find(self, *names: str, minimum: str = "3.9", path: str = "") -> str:
        settings = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}", "PYENV_ROOT": "/nowhere"}
        command = [str(self.SCRIPT), minimum, *names]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=settings).stdout.strip()

    def test_in_a_virtual_environment_it_is_the_interpreter_beneath(self) -> None:
        assert sys.prefix != sys.base_prefix, "these tests run in a virtual environment"
        found = Path(self.find(sys.executable))
        assert not found.is_relative_to(sys.prefix)
        assert found.resolve() == Path(sys.executable).resolve()

    def test_an_interpreter_that_fails_is_passed_over(self, tmp_path: Path) -> None:
        shim = tmp_path / "python-shim"
        shim.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
        shim.chmod(0o755)
        assert self.find("python-shim", path=str(tmp_path)) == ""
        assert self.find("python-shim", sys.executable, path=str(tmp_path)) != ""

    def test_the_version_behind_a_shim_that_fails_is_found(self, tmp_path: Path) -> None:
        for file, text in (
            ("shims/python-shim", "#!/bin/sh\nexit 127\n"),
            ("versions/3.99/bin/python-shim", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'),
        ):
            path = tmp_path / file
            path.parent.mkdir(parents=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755)
        found = self.find("python-shim", path=str(tmp_path / "shims"))
        assert Path(found).resolve() == Path(sys.executable).resolve()

    def test_an_interpreter_that_is_too_old_is_passed_over(self) -> None:
        assert self.find(sys.executable, minimum="3.99") == ""
