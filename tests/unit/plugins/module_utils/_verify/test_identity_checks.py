# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which checks of cluster, provider, token and role are made, and which calls they cost."""

from __future__ import annotations

import functools
import json
import os
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import trust_policy
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import identity_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.cluster import fetch_cluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Identity, identity_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_checks import POD_IDS, SERVER_IDS
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.tests.unit.plugins import fake_cluster
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import statuses
from ansible_collections.selfhosted.irsa.tests.unit.plugins.kubernetes_servers import serve_json, status_object

# Of Starfield, as S3 has it.
THUMBPRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"
ISSUER = "https://irsa-prod.s3.eu-central-1.amazonaws.com"
HOST = ISSUER.removeprefix("https://")
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/cart"
KEY = rsa.generate_private_key(65537, 2048)
JWK = jwk.from_public_key(KEY.public_key())

GET, GET_ROLE, STS = "iam:GetOpenIDConnectProvider", "iam:GetRole", "sts:AssumeRoleWithWebIdentity"
PROVIDER_IDS = ["provider-exists", "provider-audience", "provider-thumbprints"]
TOKEN_IDS = ["token-format", "token-issuer", "token-audience", "token-lifetime", "token-kid", "token-signature"]
TRUST_IDS = ["role-exists", "trust-provider", "trust-subject", "trust-audience"]


def token(**claims):
    now = int(time.time())
    usual = {"iss": ISSUER, "sub": "system:serviceaccount:shop:cart", "aud": ["sts.amazonaws.com"], "iat": now}
    return jwt.encode({**usual, "exp": now + 600, **claims}, KEY, "RS256", headers={"kid": JWK["kid"]})


def options(**given):
    names = ("cluster_jwks", "cluster_issuer", "kubeconfig", "kube_context", "account_id", "token")
    usual = dict.fromkeys((*names, "token_path", "service_account", "role_arn"))
    return {**usual, "audiences": [], "provider": "auto", "assume_role": False, "timeout": 5.0, **given}


def check(aws, published=(JWK,), **given):
    return check_identity(identity_of(options(**given)), aws, published)


def check_identity(identity, aws, published=(JWK,)):
    report = Report()
    context = Context(report=report, issuer=ISSUER, identity=identity, aws=aws, published=published)
    identity_checks.check_identity(context)
    return report


@pytest.fixture
def account(fake_aws):
    """The account, with a provider and a role that match the token."""
    iam = fake_aws.quietly("iam")
    iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=["sts.amazonaws.com"], ThumbprintList=[THUMBPRINT])
    trust = json.dumps(trust_policy([PROVIDER], subjects=["system:serviceaccount:shop:cart"]))
    iam.create_role(RoleName="cart", AssumeRolePolicyDocument=trust)
    return fake_aws


class NoCredentials(ReadyClients):
    """Clients of a user who has no credentials."""

    def __init__(self, account=None):
        super().__init__()
        self.account = account
        self.asked = 0

    def has_credentials(self):
        self.asked += 1
        return False

    def anonymous_client(self, service, default_region):
        self.region = default_region
        return self.account.clients[service]


def test_everything_that_is_given_is_checked_in_the_order_of_sts(aws, account):
    everything = {"cluster_jwks": {"keys": [JWK]}, "cluster_issuer": ISSUER, "token": token(), "role_arn": ROLE}
    report = check(aws, **everything, assume_role=True, account_id=ACCOUNT)
    ids = ["cluster-issuer", "cluster-keys", *PROVIDER_IDS, *TOKEN_IDS, *TRUST_IDS, "sts-assume"]
    assert statuses(report) == dict.fromkeys(ids, "ok") and [each.id for each in report.checks] == ids
    assert account.calls == [GET, GET_ROLE, STS]


def test_a_cluster_that_answers_is_checked_before_and_after_the_provider(aws, account):
    api = fake_cluster.sound(
        discovery={"issuer": ISSUER},
        jwks={"keys": [JWK]},
        flagz=fake_cluster.flagz(ISSUER),
        accounts=[fake_cluster.account("cart", ROLE, **{fake_cluster.LABEL: "true"})],
        pods=lambda body: [] if body is None else fake_cluster.injected(body, ROLE),
    )
    cluster = functools.partial(fetch_cluster, api)
    report = check_identity(Identity(cluster=cluster, token=token(), role_arn=ROLE, assume_role=True), aws)
    ids = [*SERVER_IDS, "cluster-issuer", "cluster-keys", *PROVIDER_IDS, *POD_IDS, *TOKEN_IDS, *TRUST_IDS, "sts-assume"]
    assert statuses(report) == dict.fromkeys(ids, "ok") and [each.id for each in report.checks] == ids


def test_an_api_server_that_gives_no_answer_is_not_asked_again():
    api = fake_cluster.sound()
    api.answers = dict.fromkeys(api.answers, "no answer")
    report = check_identity(Identity(cluster=functools.partial(fetch_cluster, api), look_at_provider=False), None)
    assert statuses(report) == dict.fromkeys([*SERVER_IDS, *POD_IDS, "cluster-issuer", "cluster-keys"], "skipped")
    assert len(api.requests) == 2


def test_nothing_is_checked_that_is_not_given(aws, fake_aws):
    assert not check(aws, provider="skip").checks
    assert not check(aws, provider="skip", published=None).checks
    assert not fake_aws.calls


def test_a_known_provider_costs_no_call_and_no_search_for_credentials():
    clients = NoCredentials()
    known = {"arn": PROVIDER, "client_ids": ["sts.amazonaws.com"], "thumbprints": []}
    assert statuses(check_identity(Identity(known_provider=known), Aws(clients))) == dict.fromkeys(PROVIDER_IDS, "ok")
    assert not clients.asked


@pytest.mark.parametrize("library", [True, False])
def test_without_credentials_only_the_checks_that_need_them_are_skipped(library):
    report = check(Aws(NoCredentials()) if library else None, token=token(), role_arn=ROLE)
    skipped = [each.id for each in report.checks if each.status == "skipped"]
    assert skipped == [*PROVIDER_IDS, *TRUST_IDS]
    assert [each.id for each in report.checks if each.status == "ok"] == TOKEN_IDS
    reasons = {each.seen for each in report.checks if each.status == "skipped"}
    assert reasons == {
        "AWS credentials are needed, but there are none."
        if library
        else "boto3 is not installed, so nothing can be read from AWS. Install boto3 for this check."
    }


def test_sts_is_asked_without_credentials_in_the_region_of_the_bucket(account):
    clients = NoCredentials(account)
    report = check(Aws(clients), token=token(), role_arn=ROLE, assume_role=True)
    assert report.checks[-1].id == "sts-assume" and report.checks[-1].status == "ok"
    assert clients.region == "eu-central-1" and account.calls == [STS]


def test_sts_is_not_asked_with_an_invalid_token(aws, account):
    report = check(aws, token="x.y.z", role_arn=ROLE, assume_role=True)
    assert report.first_error.id == "token-format"
    assert report.checks[-1].status == "skipped" and STS not in account.calls


def test_unusable_credentials_leave_the_provider_unknown():
    class Broken(NoCredentials):
        def has_credentials(self):
            raise ValueError("The config profile (nowhere) could not be found")

    report = check(Aws(Broken()))
    assert statuses(report) == dict.fromkeys(PROVIDER_IDS, "skipped") and "nowhere" in report.checks[0].seen


def test_the_provider_must_accept_the_audience_of_the_token(aws, account):
    assert statuses(check(aws, token=token(aud="vault")))["provider-audience"] == "ok"
    assert check(aws, audiences=["vault"], token=token(aud="vault")).first_error.id == "provider-audience"


def test_a_token_is_read_from_a_file(aws, account, tmp_path):
    file = tmp_path / "token"
    file.write_text(token() + "\n")
    assert statuses(check(aws, token_path=str(file)))["token-signature"] == "ok"
    file.write_bytes(b"\xff" * (1 << 20))
    assert check(aws, token_path=str(file)).first_error.id == "token-format"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"token_path": "/nowhere/token"}, "token_path /nowhere/token cannot be read"),
        ({"token_path": "/"}, "token_path / cannot be read"),
        ({"assume_role": True}, "assume_role requires"),
        ({"assume_role": True, "token": "x"}, "assume_role requires"),
        ({"assume_role": True, "role_arn": ROLE}, "assume_role requires"),
        ({"role_arn": "cart"}, "role_arn is"),
        ({"account_id": "12"}, "account_id is"),
        ({"cluster_jwks": {}}, "cluster_jwks cannot be used"),
        ({"kubeconfig": "/nowhere/kubeconfig"}, "kubeconfig /nowhere/kubeconfig cannot be used"),
    ],
)
def test_unusable_options_are_refused(given, said):
    with pytest.raises(IrsaError, match=said):
        identity_of(options(**given))


def test_a_token_path_that_a_read_would_wait_for_is_refused(tmp_path):
    os.mkfifo(tmp_path / "token")
    with pytest.raises(IrsaError, match="is a named pipe"):
        identity_of(options(token_path=str(tmp_path / "token")))
    with pytest.raises(IrsaError, match="null character"):
        identity_of(options(token_path="to\0ken"))


def test_the_token_is_not_in_the_repr_of_the_identity():
    assert token() not in repr(identity_of(options(token=token())))


MINTING = "/api/v1/namespaces/shop/serviceaccounts/cart/token"


@pytest.fixture
def api(api_servers):
    return api_servers.start(ISSUER, [JWK])


@pytest.fixture
def minting(api_servers, api):
    """Options to have the API server make a token."""
    return {"kubeconfig": api_servers.kubeconfig(api), "service_account": "shop/cart"}


@pytest.mark.parametrize(("audiences", "expected"), [([], "sts.amazonaws.com"), (["vault", "other"], "vault")])
def test_the_api_server_makes_the_token_for_the_first_audience(aws, account, api, minting, audiences, expected):
    made, masked = token(aud=[expected]), []
    serve_json(api, MINTING, {"status": {"token": made}}, status=201)
    identity = identity_of(options(**minting, audiences=audiences), mask=masked.append)
    assert masked == []
    report = check_identity(identity, aws)
    assert {each.id: each.status for each in report.checks if each.id in TOKEN_IDS[:1]} == {"token-format": "ok"}
    assert masked == [made] and made not in str(report.checks)
    assert json.loads(api.bodies[0])["spec"]["audiences"] == [expected]


def test_sts_is_asked_with_the_token_that_the_api_server_makes(aws, account, api, minting):
    serve_json(api, MINTING, {"status": {"token": token()}}, status=201)
    report = check(aws, **minting, role_arn=ROLE, assume_role=True)
    passed = [check_id for check_id, status in statuses(report).items() if status == "ok"]
    assert {"cluster-issuer", "cluster-keys", *PROVIDER_IDS, *TOKEN_IDS, *TRUST_IDS, "sts-assume"} <= set(passed)


def test_without_a_token_of_the_api_server_everything_else_is_checked(aws, account, api, minting):
    serve_json(api, MINTING, status_object(403, "Forbidden", "User cannot create resource"), status=403)
    report = check(aws, **minting, role_arn=ROLE, assume_role=True)
    assert report.first_error.id == "token-format" and report.first_error.remedy is None
    assert "needs the verb create on serviceaccounts/token in namespace shop" in report.first_error.seen
    # This API server serves nothing else, so that what is live in the cluster is skipped, too.
    skipped = [each.id for each in report.checks if each.status == "skipped" and each.id not in {*SERVER_IDS, *POD_IDS}]
    assert skipped == [*TOKEN_IDS[1:], "trust-subject", "trust-audience", "sts-assume"]


@pytest.mark.parametrize("name", ["cart", "shop/", "shop/../x", "Shop/cart"])
def test_a_service_account_that_cannot_exist_is_refused(minting, name):
    with pytest.raises(IrsaError, match="expected NAMESPACE/NAME"):
        identity_of(options(**{**minting, "service_account": name}))
