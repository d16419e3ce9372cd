# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients from amazon.aws's common options and environment variables."""

from __future__ import annotations

import pytest
from botocore import UNSIGNED, exceptions

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.clients import Clients

OPTIONS = (
    "region",
    "endpoint_url",
    "access_key",
    "secret_key",
    "session_token",
    "profile",
    "aws_ca_bundle",
    "aws_config",
)


class Module:
    """As much of a module as amazon.aws looks at."""

    def __init__(self, **params):
        self.params = {
            **dict.fromkeys(OPTIONS),
            "validate_certs": True,
            "debug_botocore_endpoint_logs": False,
            **params,
        }

    def fail_json(self, **result):
        raise AssertionError(result)


def clients(**params) -> Clients:
    return Clients(Module(**{"region": "eu-west-1", "access_key": "AKID", "secret_key": "x", **params}))


def test_are_one_for_each_service():
    made = clients()
    assert sorted(made) == ["iam", "s3", "s3control", "sts"] and len(made) == 4
    assert made["s3"].meta.service_model.service_name == "s3"
    assert made["s3"] is made["s3"]


def test_take_region_and_credentials_from_options():
    made = clients(region="us-west-2", session_token="token")
    credentials = made["sts"]._request_signer._credentials
    assert (made["s3"].meta.region_name, credentials.access_key, credentials.token) == ("us-west-2", "AKID", "token")


def test_take_them_from_the_environment(monkeypatch):
    for name, value in (("DEFAULT_REGION", "eu-north-1"), ("ACCESS_KEY_ID", "AKIDENV"), ("SECRET_ACCESS_KEY", "x")):
        monkeypatch.setenv(f"AWS_{name}", value)
    made = clients(region=None, access_key=None, secret_key=None)
    assert made["s3"].meta.region_name == "eu-north-1"
    assert made["s3"]._request_signer._credentials.access_key == "AKIDENV"


def test_take_them_from_a_profile(tmp_path, monkeypatch):
    (tmp_path / "config").write_text("[profile prod]\nregion = ap-south-1\n")
    (tmp_path / "credentials").write_text("[prod]\naws_access_key_id = AKIDPROD\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    made = clients(region=None, access_key=None, secret_key=None, profile="prod")
    assert made["s3"].meta.region_name == "ap-south-1"
    assert made["s3"]._request_signer._credentials.access_key == "AKIDPROD"


def test_of_a_profile_that_is_not_there_are_refused_by_its_name():
    made = clients(access_key=None, secret_key=None, profile="nowhere")
    with pytest.raises(exceptions.ProfileNotFound):
        made["s3"]
    with pytest.raises(IrsaError, match="nowhere"):
        Aws(clients(access_key=None, secret_key=None, profile="nowhere")).client("s3")


def test_of_an_endpoint_that_is_none_are_refused():
    with pytest.raises(IrsaError, match="nonsense"):
        Aws(clients(endpoint_url="nonsense")).client("s3")


def addressing(client) -> str:
    return client.generate_presigned_url("get_object", Params={"Bucket": "irsa-prod", "Key": "k"}).partition("?")[0]


def test_name_buckets_in_the_host_at_aws():
    assert addressing(clients()["s3"]) == "https://irsa-prod.s3.amazonaws.com/k"


@pytest.mark.parametrize("endpoint", ["https://s3.rgw.example", "http://127.0.0.1:5000"])
def test_name_buckets_in_the_path_at_other_stores(endpoint):
    assert addressing(clients(endpoint_url=endpoint)["s3"]) == f"{endpoint}/irsa-prod/k"


def test_name_them_as_aws_config_says():
    made = clients(endpoint_url="https://s3.rgw.example", aws_config={"s3": {"addressing_style": "virtual"}})
    assert addressing(made["s3"]) == "https://irsa-prod.s3.rgw.example/k"


def test_wait_as_aws_config_says_and_for_the_rest_as_usual():
    config = clients(aws_config={"read_timeout": 7})["s3"].meta.config
    assert (config.read_timeout, config.connect_timeout) == (7, 5)
    assert config.retries["total_max_attempts"] == 3


def test_say_who_they_are():
    assert "selfhosted.irsa" in clients()["iam"].meta.config.user_agent_extra


def test_check_certificates_by_the_bundle_that_is_given(tmp_path):
    made = clients(aws_ca_bundle=str(tmp_path / "ca.pem"))
    assert made["sts"]._endpoint.http_session._verify == str(tmp_path / "ca.pem")


def environment_with_credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")


def test_know_whether_there_are_credentials(monkeypatch):
    assert clients().has_credentials()
    bare = {"access_key": None, "secret_key": None}
    assert not clients(**bare).has_credentials()
    environment_with_credentials(monkeypatch)
    assert clients(**bare).has_credentials()


def test_look_for_them_once(monkeypatch):
    made = clients(access_key=None, secret_key=None)
    assert not made.has_credentials()
    environment_with_credentials(monkeypatch)
    assert not made.has_credentials()


def test_a_profile_that_is_not_there_is_told_by_whoever_looks_for_credentials():
    with pytest.raises(IrsaError, match="nowhere"):
        Aws(clients(access_key=None, secret_key=None, profile="nowhere")).has_credentials()


def test_ready_clients_have_their_credentials():
    assert Aws(ReadyClients({})).has_credentials()


@pytest.mark.parametrize("credentials", [{}, {"access_key": None, "secret_key": None}])
@pytest.mark.parametrize("config", [None, {"retries": {"total_max_attempts": 7}}])
def test_a_stranger_signs_nothing(credentials, config):
    made = Aws(clients(**credentials, aws_config=config)).anonymous("sts", "us-east-1").client("sts")
    assert made._request_signer._credentials is None
    assert made.meta.config.signature_version is UNSIGNED
    assert made.meta.region_name == "eu-west-1"
    assert made.meta.config.retries["total_max_attempts"] == (7 if config else 3)


def test_a_stranger_goes_where_others_go():
    made = Aws(clients(endpoint_url="http://127.0.0.1:5000")).anonymous("sts", "us-east-1").client("sts")
    assert made.meta.endpoint_url == "http://127.0.0.1:5000"


def test_a_stranger_without_a_region_takes_the_one_that_is_offered():
    made = Aws(clients(region=None)).anonymous("sts", "cn-north-1").client("sts")
    assert made.meta.endpoint_url == "https://sts.cn-north-1.amazonaws.com.cn"


def test_a_stranger_of_ready_clients_is_the_ready_one():
    ready = object()
    assert Aws(ReadyClients({"sts": ready})).anonymous("sts", "us-east-1").client("sts") is ready
