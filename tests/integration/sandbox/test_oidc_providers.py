# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IAM OIDC providers: client IDs, thumbprints, URLs, other accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

from sandbox_helpers import Refused
from tests.sandbox import Sandbox

URL = "https://issuer.test/cluster"


@pytest.fixture
def arn(iam: Any) -> Any:
    return iam.create_open_id_connect_provider(Url=URL, ClientIDList=["one"])["OpenIDConnectProviderArn"]


def found(iam: Any, arn: str) -> Any:
    return iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_a_provider_reads_back(sandbox: Sandbox, iam: Any) -> None:
    created = iam.create_open_id_connect_provider(
        Url=URL, ClientIDList=["one"], ThumbprintList=["AB" * 20], Tags=[{"Key": "k", "Value": "v"}]
    )
    arn = created["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{sandbox.account_id}:oidc-provider/issuer.test/cluster"
    provider = found(iam, arn)
    assert provider["Url"] == "issuer.test/cluster"
    assert provider["ThumbprintList"] == ["ab" * 20]
    assert provider["ClientIDList"] == ["one"]
    assert provider["Tags"] == [{"Key": "k", "Value": "v"}]


def test_client_ids_are_added_and_removed_idempotently(iam: Any, arn: str) -> None:
    for dummy in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    assert found(iam, arn)["ClientIDList"] == ["one", "two"]
    for dummy in range(2):
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")
    assert found(iam, arn)["ClientIDList"] == ["two"]


def test_a_hundred_client_ids_are_the_most(iam: Any, arn: str) -> None:
    for number in range(99):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=f"id{number}")
    with Refused("LimitExceeded", 409):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one-more")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="id5")
    ids = [str(number) for number in range(101)]
    with Refused("LimitExceeded", 409):
        iam.create_open_id_connect_provider(Url="https://other.test", ClientIDList=ids)


def test_a_client_id_has_a_length(iam: Any, arn: str) -> None:
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="x" * 255)
    with Refused("ValidationError", 400):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="x" * 256)


def test_missing_thumbprints_are_made_up(sandbox: Sandbox, iam: Any, arn: str) -> None:
    assert found(iam, arn)["ThumbprintList"] == [sandbox.thumbprint]


@pytest.mark.parametrize(
    ("thumbprints", "code"),
    [
        (["a" * 39], "ValidationError"),
        (["a" * 41], "ValidationError"),
        (["a" * 40] * 6, "InvalidInput"),
        ([], "InvalidInput"),
    ],
)
def test_bad_thumbprints_are_refused(aws: Callable[..., Any], iam: Any, arn: str, thumbprints: Any, code: str) -> None:
    iam = aws("iam", config=Config(parameter_validation=False))
    before = found(iam, arn)["ThumbprintList"]
    with Refused(code, 400):
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=thumbprints)
    assert found(iam, arn)["ThumbprintList"] == before


def test_five_thumbprints_are_taken_unseen(iam: Any, arn: str) -> None:
    five = ["X" * 40, "x" * 40, "1" * 40, "2" * 40, "3" * 40]
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=five)
    assert found(iam, arn)["ThumbprintList"] == [thumbprint.lower() for thumbprint in five]


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.test",
        "https://issuer.test?a=b",
        "https://issuer.test#a",
        "https://issuer.test:8443",
        "https://issuer.test:port",
        "https://",
        "issuer.test",
        "https://user@issuer.test",
        "https://issuer.test/" + "x" * 240,
    ],
)
def test_bad_urls_are_refused(aws: Callable[..., Any], url: str) -> None:
    iam = aws("iam", config=Config(parameter_validation=False))
    with Refused("ValidationError", 400):
        iam.create_open_id_connect_provider(Url=url)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_the_default_port_is_taken_off(iam: Any) -> None:
    arn = iam.create_open_id_connect_provider(Url="https://Issuer.test:443/x")["OpenIDConnectProviderArn"]
    assert found(iam, arn)["Url"] == "Issuer.test/x"


def test_a_trailing_slash_makes_another_provider(iam: Any, arn: str) -> None:
    other = iam.create_open_id_connect_provider(Url=URL + "/")["OpenIDConnectProviderArn"]
    assert other == arn + "/"


def test_a_url_can_be_registered_once(iam: Any, arn: str) -> None:
    with Refused("EntityAlreadyExists", 409):
        iam.create_open_id_connect_provider(Url=URL)


def test_a_hundred_providers_are_the_most(iam: Any) -> None:
    for number in range(100):
        iam.create_open_id_connect_provider(Url=f"https://issuer{number}.test", ThumbprintList=["a" * 40])
    with Refused("LimitExceeded", 409):
        iam.create_open_id_connect_provider(Url="https://one-more.test", ThumbprintList=["a" * 40])


def test_an_absent_provider_is_no_such_entity(iam: Any, arn: str) -> None:
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    calls: list[Callable[[], Any]] = [
        lambda: iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn),
        lambda: found(iam, arn),
        lambda: iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="x"),
        lambda: iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="x"),
    ]
    for call in calls:
        with Refused("NoSuchEntity", 404):
            call()


def test_another_accounts_provider_is_out_of_reach(iam: Any, arn: str) -> None:
    foreign = arn.replace("123456789012", "111122223333")
    calls: list[Callable[[], Any]] = [
        lambda: found(iam, foreign),
        lambda: iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=foreign),
        lambda: iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=foreign, Tags=[{"Key": "k", "Value": "v"}]),
    ]
    for call in calls:
        with Refused("AccessDenied", 403):
            call()


def test_each_account_has_its_own(sandbox: Sandbox, aws: Callable[..., Any], iam: Any, arn: str) -> None:
    other = aws("iam", **sandbox.credentials("111122223333"))
    created = other.create_open_id_connect_provider(Url=URL)
    assert created["OpenIDConnectProviderArn"] == arn.replace("123456789012", "111122223333")
    assert len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]) == 1


def test_an_issuer_in_s3_must_answer_when_thumbprints_are_missing(
    iam: Any, s3: Any, make_bucket: Callable[..., str]
) -> None:
    url = "https://issuer-bucket.s3.eu-west-1.amazonaws.com"
    with Refused("OpenIdIdpCommunicationError", 400):
        iam.create_open_id_connect_provider(Url=url)
    make_bucket(public=(".well-known/openid-configuration",))
    with Refused("OpenIdIdpCommunicationError", 400):
        iam.create_open_id_connect_provider(Url=url)
    s3.put_object(Bucket="issuer-bucket", Key=".well-known/openid-configuration", Body=b"{}")
    iam.create_open_id_connect_provider(Url=url)


def test_with_thumbprints_nobody_looks(iam: Any) -> None:
    url = "https://issuer-bucket.s3.eu-west-1.amazonaws.com"
    iam.create_open_id_connect_provider(Url=url, ThumbprintList=["a" * 40])


def test_an_issuer_elsewhere_answers_unless_told_otherwise(sandbox: Sandbox, iam: Any) -> None:
    sandbox.set_reachable("issuer.test", False)
    with Refused("OpenIdIdpCommunicationError", 400):
        iam.create_open_id_connect_provider(Url=URL)
    sandbox.set_reachable("issuer.test", True)
    iam.create_open_id_connect_provider(Url=URL)


def test_a_page_is_fetched_like_any_issuers(sandbox: Sandbox, iam: Any, fetch: Any) -> None:
    sandbox.serve_page("issuer.test", "/elsewhere", "{}")
    with Refused("OpenIdIdpCommunicationError", 400):
        iam.create_open_id_connect_provider(Url=URL)
    sandbox.serve_page("issuer.test", "/cluster/.well-known/openid-configuration", "{}")
    iam.create_open_id_connect_provider(Url=URL)
    assert fetch(URL + "/.well-known/openid-configuration").body == b"{}"
    assert fetch(URL).status == 404
