# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemctl show prints is understood. Also runs under Python 3.9."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._node import tools, units

# As systemd 252 prints it.
K3S = """Id=k3s.service
LoadState=loaded
ActiveState=active
ExecStart={ path=/usr/local/bin/k3s ; argv[]=%s ; ignore_errors=no ; start_time=[n/a] ; pid=0 ; status=0/0 }
Environment=K3S_CONFIG_FILE=/etc/k3s.yaml "K3S_NOTE=two words" SMTP_PWD=secret-of-k3s
EnvironmentFiles=%s (ignore_errors=yes)
EnvironmentFiles=/does/not/exist (ignore_errors=yes)
InvocationID=0123456789abcdef0123456789abcdef
ExecMainStartTimestampMonotonic=5000000
NRestarts=2
"""
COMMAND = "/usr/local/bin/k3s server --token secret-of-k3s --cluster-init"
UNKNOWN = "Id=rke2-server.service\nLoadState=not-found\nActiveState=inactive\n"


@pytest.fixture(name="systemctl")
def _systemctl(monkeypatch):
    """Answers of systemctl."""
    asked, answers = [], {"show": ""}

    def run(command, **more):
        asked.append(command)
        return tools.Ended(0, answers["show"].encode(), "")

    monkeypatch.setattr(tools, "find", lambda name: f"/bin/{name}")
    monkeypatch.setattr(tools, "run", run)
    monkeypatch.setattr(units.time, "time", lambda: 1800000100.0)
    monkeypatch.setattr(units.time, "monotonic", lambda: 105.0)
    return answers


def test_an_installed_unit_is_described_without_secrets(systemctl, tmp_path):
    variables = tmp_path / "k3s.service.env"
    variables.write_text("K3S_TOKEN=secret-of-k3s\n# a comment\nK3S_DATA_DIR='/srv/k3s'\n", encoding="utf-8")
    systemctl["show"] = K3S % (COMMAND, variables) + "\n" + UNKNOWN
    found = units.show(["k3s.service", "rke2-server.service"])
    assert list(found) == ["k3s.service"]
    unit = found["k3s.service"]
    assert unit["command"][:2] == ["/usr/local/bin/k3s", "server"] and unit["command"][-1] == "--cluster-init"
    assert unit["environment"] == {
        "K3S_CONFIG_FILE": "/etc/k3s.yaml",
        "K3S_NOTE": "two words",
        "K3S_DATA_DIR": "/srv/k3s",
    }
    assert "secret-of-k3s" not in str(found)
    assert (unit["state"], unit["restarts"]) == ("active", 2)
    assert unit["invocation"] == "0123456789abcdef0123456789abcdef"
    # 100 seconds before now, by both clocks.
    assert unit["started"] == 1800000000.0


def test_a_line_that_is_not_understood_hides_no_other_variable(systemctl, tmp_path):
    variables = tmp_path / "k3s.service.env"
    variables.write_text("K3S_TOKEN=it's\nK3S_DATA_DIR=/srv/k3s\n; don't\nK3S_DEBUG=true\n", encoding="utf-8")
    systemctl["show"] = K3S % (COMMAND, variables)
    environment = units.show(["k3s.service"])["k3s.service"]["environment"]
    assert environment["K3S_DATA_DIR"] == "/srv/k3s" and environment["K3S_DEBUG"] == "true"


def test_a_log_has_no_secrets(systemctl):
    systemctl["show"] = 'msg="k3s server --token=secret-of-k3s"\nmsg="dial mysql://k3s:secret-of-k3s@tcp(db)/k3s"\n'
    lines = units.log("k3s.service")
    assert len(lines) == 2 and "secret-of-k3s" not in str(lines)


def test_a_unit_that_never_ran_has_no_time_of_start(systemctl):
    systemctl["show"] = "Id=k3s.service\nLoadState=loaded\nActiveState=inactive\nExecMainStartTimestampMonotonic=0\n"
    unit = units.show(["k3s.service"])["k3s.service"]
    assert (unit["started"], unit["command"], unit["restarts"]) == (None, [], 0)


@pytest.mark.parametrize("text", ["", "Unit k3s.service could not be found.\n", "===\n\n=\n"])
def test_other_answers_are_no_units(systemctl, text):
    systemctl["show"] = text
    assert units.show(["k3s.service"]) == {}


def test_a_stand_in_for_systemctl_is_asked_for_one_unit_after_the_other(systemctl, monkeypatch):
    def run(command, **more):
        known = command[3:] == ["k3s.service"]
        return tools.Ended(0, b"ActiveState=active\nLoadState=loaded\n" if known else b"", "")

    monkeypatch.setattr(tools, "run", run)
    found = units.show(["rke2-server.service", "k3s.service"])
    assert {name: unit["state"] for name, unit in found.items()} == {"k3s.service": "active"}


def test_a_node_without_systemd_has_no_units(monkeypatch):
    monkeypatch.setattr(tools, "find", lambda name: None)
    assert units.show(["k3s.service"]) == {} and units.log("k3s.service") == []
