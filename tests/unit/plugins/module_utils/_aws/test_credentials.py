# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether there are credentials, without waiting for a metadata service that does not exist."""

from __future__ import annotations

import http.server
import json
import threading

import pytest
from botocore import exceptions

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import credentials


@pytest.fixture
def metadata(monkeypatch):
    """A metadata service: the paths that were requested, and its URL."""
    asked = []
    answer = {"Code": "Success", "AccessKeyId": "AKIDMETA", "SecretAccessKey": "x", "Token": "x"}
    answer["Expiration"] = "2099-01-01T00:00:00Z"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # the name is http.server's
            asked.append(self.path)
            body = json.dumps(answer) if self.path.endswith("/role") else "role"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        do_PUT = do_GET

        def log_message(self, *ignored):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    url = f"http://127.0.0.1:{server.server_address[1]}"
    # Instead of botocore's default address, so that only the signs of EC2 decide.
    monkeypatch.setattr("botocore.utils.IMDSFetcher._select_base_url", lambda *ignored: url + "/")
    yield asked, url
    server.shutdown()
    server.server_close()


@pytest.fixture
def ec2_signs(monkeypatch, tmp_path):
    """The file that says what this machine runs on."""
    file = tmp_path / "sys_vendor"
    monkeypatch.setattr(credentials, "_EC2_SIGNS", ((str(tmp_path / "nothing"), "ec2"), (str(file), "amazon ec2")))
    return file


def test_the_metadata_service_is_not_asked_outside_ec2(metadata, ec2_signs):
    for vendor in (None, "QEMU\n", "\xff"):
        if vendor:
            ec2_signs.write_text(vendor, encoding="latin-1")
        assert not credentials.exist(None)
    assert not metadata[0]


def test_the_metadata_service_is_asked_on_ec2(metadata, ec2_signs):
    ec2_signs.write_text("Amazon EC2\n")
    assert credentials.exist(None)
    assert metadata[0]


def test_the_metadata_service_is_asked_at_a_given_address(metadata, ec2_signs, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata[1])
    assert credentials.exist(None)


def test_credentials_of_the_profile_are_found(monkeypatch, tmp_path, ec2_signs):
    file = tmp_path / "credentials"
    file.write_text("[prod]\naws_access_key_id = AKIDPROD\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    assert credentials.exist("prod")
    assert not credentials.exist(None)
    with pytest.raises(exceptions.ProfileNotFound):
        credentials.exist("nowhere")
