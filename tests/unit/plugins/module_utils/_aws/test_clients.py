# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients from amazon.aws's common options and environment variables."""

from __future__ import annotations

import gc

import boto3.session
import botocore.session
import pytest
from botocore import UNSIGNED, exceptions

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import clients as aws_clients
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.clients import Clients
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

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


def test_each_aws_service_has_one_client():
    source = clients()
    assert source["s3"].meta.service_model.service_name == "s3"
    assert source["s3"] is source["s3"]


def test_options_set_region_and_credentials():
    source = clients(region="us-west-2", session_token="token")
    credentials = source["sts"]._request_signer._credentials
    assert (source["s3"].meta.region_name, credentials.access_key, credentials.token) == ("us-west-2", "AKID", "token")


def test_the_environment_sets_region_and_credentials(monkeypatch):
    for name, value in (("DEFAULT_REGION", "eu-north-1"), ("ACCESS_KEY_ID", "AKIDENV"), ("SECRET_ACCESS_KEY", "x")):
        monkeypatch.setenv(f"AWS_{name}", value)
    source = clients(region=None, access_key=None, secret_key=None)
    assert source["s3"].meta.region_name == "eu-north-1"
    assert source["s3"]._request_signer._credentials.access_key == "AKIDENV"


def test_a_profile_sets_region_and_credentials(tmp_path, monkeypatch):
    (tmp_path / "config").write_text("[profile prod]\nregion = ap-south-1\n")
    (tmp_path / "credentials").write_text("[prod]\naws_access_key_id = AKIDPROD\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    source = clients(region=None, access_key=None, secret_key=None, profile="prod")
    assert source["s3"].meta.region_name == "ap-south-1"
    assert source["s3"]._request_signer._credentials.access_key == "AKIDPROD"


def test_a_missing_profile_is_named():
    source = clients(access_key=None, secret_key=None, profile="nowhere")
    with pytest.raises(exceptions.ProfileNotFound):
        source["s3"]
    with pytest.raises(IrsaError, match="nowhere"):
        Aws(clients(access_key=None, secret_key=None, profile="nowhere")).client("s3")


def test_an_invalid_endpoint_is_named():
    with pytest.raises(IrsaError, match="nonsense"):
        Aws(clients(endpoint_url="nonsense")).client("s3")


@pytest.fixture
def created(monkeypatch):
    """The services for which clients were created."""
    services = []
    create = botocore.session.Session.create_client

    def record(session, service_name, *arguments, **options):
        services.append(service_name)
        return create(session, service_name, *arguments, **options)

    monkeypatch.setattr(botocore.session.Session, "create_client", record)
    return services


def addressing(client) -> str:
    return client.generate_presigned_url("get_object", Params={"Bucket": "irsa-prod", "Key": "k"}).partition("?")[0]


def test_aws_gets_bucket_names_in_the_host():
    assert addressing(clients()["s3"]) == "https://irsa-prod.s3.amazonaws.com/k"


@pytest.mark.parametrize("endpoint", ["https://s3.rgw.example", "http://127.0.0.1:5000"])
def test_other_stores_get_bucket_names_in_the_path(endpoint):
    assert addressing(clients(endpoint_url=endpoint)["s3"]) == f"{endpoint}/irsa-prod/k"


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_in_the_environment_gets_bucket_names_in_the_path(monkeypatch, created, variable):
    monkeypatch.setenv(variable, "https://s3.rgw.example")
    assert addressing(clients()["s3"]) == "https://s3.rgw.example/irsa-prod/k"
    assert created == ["s3"]


def test_an_endpoint_in_the_profile_gets_bucket_names_in_the_path(tmp_path, monkeypatch):
    (tmp_path / "config").write_text("[profile ceph]\nendpoint_url = https://s3.rgw.example\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "ceph")
    assert addressing(clients()["s3"]) == "https://s3.rgw.example/irsa-prod/k"


@pytest.mark.parametrize("endpoint", [None, "https://s3.rgw.example"])
def test_s3_needs_one_client(created, endpoint):
    assert clients(endpoint_url=endpoint)["s3"]
    assert created == ["s3"]


def test_aws_config_sets_the_addressing_style():
    source = clients(endpoint_url="https://s3.rgw.example", aws_config={"s3": {"addressing_style": "virtual"}})
    assert addressing(source["s3"]) == "https://irsa-prod.s3.rgw.example/k"


def test_aws_config_overrides_single_settings():
    config = clients(aws_config={"read_timeout": 7})["s3"].meta.config
    assert (config.read_timeout, config.connect_timeout) == (7, 5)


@pytest.mark.parametrize(
    "config",
    [
        {"nonsense": 1},
        {"retries": 5},
        {"retries": {"mode": "odd"}},
        {"s3": {"addressing_style": "odd"}},
        {"read_timeout": "soon"},
        {"user_agent_extra": 5},
    ],
    ids=str,
)
def test_an_invalid_aws_config_is_refused(config):
    with pytest.raises(IrsaError, match=r"^(aws_config is not valid: |The client for s3 could not be created: )"):
        Aws(clients(aws_config=config)).client("s3")


def test_the_user_agent_names_the_collection():
    assert "selfhosted.irsa" in clients()["iam"].meta.config.user_agent_extra


def test_aws_ca_bundle_verifies_certificates(tmp_path):
    source = clients(aws_ca_bundle=str(tmp_path / "ca.pem"))
    assert source["sts"]._endpoint.http_session._verify == str(tmp_path / "ca.pem")


def environment_with_credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")


def test_credentials_are_found_in_options_and_environment(monkeypatch):
    assert clients().has_credentials()
    bare = {"access_key": None, "secret_key": None}
    assert not clients(**bare).has_credentials()
    environment_with_credentials(monkeypatch)
    assert clients(**bare).has_credentials()


def test_credentials_are_looked_for_once(monkeypatch):
    source = clients(access_key=None, secret_key=None)
    assert not source.has_credentials()
    environment_with_credentials(monkeypatch)
    assert not source.has_credentials()


def test_looking_for_credentials_names_a_missing_profile():
    with pytest.raises(IrsaError, match="nowhere"):
        Aws(clients(access_key=None, secret_key=None, profile="nowhere")).has_credentials()


def test_ready_clients_have_credentials():
    assert Aws(ReadyClients({})).has_credentials()


@pytest.mark.parametrize("credentials", [{}, {"access_key": None, "secret_key": None}])
@pytest.mark.parametrize("config", [None, {"retries": {"total_max_attempts": 7}}])
def test_an_anonymous_client_signs_nothing(credentials, config):
    client = Aws(clients(**credentials, aws_config=config)).anonymous("sts", "us-east-1").client("sts")
    assert client._request_signer._credentials is None
    assert client.meta.config.signature_version is UNSIGNED
    assert client.meta.region_name == "eu-west-1"
    assert client.meta.config.retries["total_max_attempts"] == 1


def test_an_anonymous_client_uses_the_endpoint():
    client = Aws(clients(endpoint_url="http://127.0.0.1:5000")).anonymous("sts", "us-east-1").client("sts")
    assert client.meta.endpoint_url == "http://127.0.0.1:5000"


def test_an_anonymous_client_without_region_takes_the_default():
    client = Aws(clients(region=None)).anonymous("sts", "cn-north-1").client("sts")
    assert client.meta.endpoint_url == "https://sts.cn-north-1.amazonaws.com.cn"


def test_an_anonymous_ready_client_is_the_ready_one():
    ready = object()
    assert Aws(ReadyClients({"sts": ready})).anonymous("sts", "us-east-1").client("sts") is ready


@pytest.mark.parametrize(
    ("config", "environment", "expected"),
    [
        (None, None, 10),
        (None, "4", 4),
        (None, "many", 10),
        ({"read_timeout": 7}, "4", 4),
        ({"retries": {"total_max_attempts": 7}}, "4", 7),
        ({"retries": {"max_attempts": 7}}, None, 8),
        ({"retries": {"mode": "adaptive"}}, None, 10),
    ],
)
def test_the_number_of_tries_is_that_of_botocores_settings(monkeypatch, config, environment, expected):
    if environment:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", environment)
    source = clients(aws_config=config)
    assert source.max_tries == expected
    # botocore itself makes each call once: only who makes the next try knows what became of the one before.
    assert source["s3"].meta.config.retries["total_max_attempts"] == 1
    assert Aws(source).anonymous("sts", "us-east-1").clients.max_tries == expected


@pytest.mark.parametrize("services", [["sts"], ["no such service"]])
@pytest.mark.parametrize("is_enabled", [True, False])
def test_garbage_collector_is_off_only_while_libraries_are_warmed(monkeypatch, services, is_enabled):
    made = []
    monkeypatch.setattr(aws_clients, "_new_session", lambda: made.append(gc.isenabled()) or boto3.session.Session())
    before = gc.isenabled()
    try:
        (gc.enable if is_enabled else gc.disable)()
        aws_clients.warm(services)
        assert made == [False] and gc.isenabled() is is_enabled
    finally:
        (gc.enable if before else gc.disable)()
        gc.unfreeze()
