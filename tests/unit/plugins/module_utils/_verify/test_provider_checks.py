# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The provider as it is in the account, or as the run that created it knows it."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import provider_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import faults, ordered_statuses
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import INTERMEDIATE, LEAF

ISSUER = "https://irsa-prod.s3.eu-west-1.amazonaws.com"
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com"
AUDIENCE = "sts.amazonaws.com"
CHAIN = [LEAF.der, INTERMEDIATE.der]
FORMER_PRINT = hashlib.sha1(b"a former CA").hexdigest()
LEAF_PRINT, CA_PRINT = (hashlib.sha1(each).hexdigest() for each in CHAIN)

GET, LIST, WHO = "iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviders", "sts:GetCallerIdentity"


def look(aws, *, chain=(), private_ca=False, **known):
    """Check the provider for an identity of which the given is known."""
    report = Report()
    context = Context(
        report=report,
        issuer=ISSUER,
        identity=Identity(**known),
        aws=aws,
        unreadable_reason="" if aws else "AWS credentials are needed, but there are none.",
        chain=chain,
        private_ca=private_ca,
    )
    found = provider_checks.check_provider(context)
    assert [check.id for check in report.checks] == list(provider_checks.IDS)
    return report, found


def seen(report, check_id):
    return next(check.seen for check in report.checks if check.id == check_id)


def token(*audiences):
    parts = ({"alg": "RS256"}, {"sub": "system:serviceaccount:shop:cart", "aud": list(audiences)})
    return ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in (*parts, 0))


@pytest.fixture
def make(fake_aws):
    def made(url=ISSUER, client_ids=(AUDIENCE,), thumbprints=(CA_PRINT,)):
        fake_aws.quietly("iam").create_open_id_connect_provider(
            Url=url, ClientIDList=list(client_ids), ThumbprintList=list(thumbprints)
        )

    return made


def test_the_provider_is_found_by_its_arn(aws, fake_aws, make):
    make()
    report, found = look(aws, account_id=ACCOUNT)
    assert ordered_statuses(report) == ["ok", "ok", "ok"]
    assert (found.arn, found.client_ids) == (ARN, [AUDIENCE])
    assert fake_aws.calls == [GET]
    assert aws.permissions == {GET}


def test_the_account_defaults_to_that_of_the_credentials(aws, fake_aws, make):
    make()
    assert look(aws)[1].arn == ARN
    assert fake_aws.calls == [WHO, GET]


def test_account_and_partition_are_those_of_the_role(aws, fake_aws):
    report, found = look(aws, role_arn=f"arn:aws-cn:iam::{ACCOUNT}:role/cart")
    assert found.arn == ARN.replace(":aws:", ":aws-cn:")
    assert fake_aws.calls == [GET, WHO, LIST]
    assert ordered_statuses(report) == ["error", "skipped", "skipped"]


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        (f"{ISSUER}/prod", "another path"),
        ("https://irsa-prod.s3.amazonaws.com", "global host name"),
        ("https://irsa-prod.s3.us-east-1.amazonaws.com", "another region"),
        ("https://IRSA-prod.s3.eu-west-1.amazonaws.com", "capital letters"),
    ],
)
def test_a_missing_provider_is_an_error_that_names_a_similar_one(aws, make, url, cause):
    make("https://oidc.example.com")
    make(url)
    report, found = look(aws, account_id=ACCOUNT)
    error = report.first_error
    assert error.id == "provider-exists" and ARN in error.seen
    assert url.removeprefix("https://") in error.cause and cause in error.cause
    assert found == (ARN, None) and found.client_ids is None


@pytest.mark.parametrize("given", [{"account_id": "111122223333"}, {"role_arn": "arn:aws:iam::111122223333:role/cart"}])
def test_a_provider_in_another_account_than_the_credentials_is_unknown(aws, make, given):
    make()
    report, found = look(aws, **given)
    assert ordered_statuses(report) == ["skipped"] * 3 and "another account" in report.checks[0].seen
    assert found == (ARN.replace(ACCOUNT, "111122223333"), None)


def test_credentials_of_an_unknown_account_are_assumed_to_be_the_right_ones(aws, fake_aws):
    fake_aws.fail(WHO, "MethodNotAllowed", 405)
    assert ordered_statuses(look(aws, account_id="111122223333")[0]) == ["error", "skipped", "skipped"]


def test_a_provider_in_another_partition_is_named(aws, make):
    make()
    report = look(aws, role_arn=f"arn:aws-cn:iam::{ACCOUNT}:role/cart")[0]
    assert ARN in report.first_error.cause


def test_a_missing_provider_whose_similar_ones_cannot_be_listed_is_an_error(aws, fake_aws):
    fake_aws.fail(LIST, "AccessDenied", 403)
    report = look(aws, account_id=ACCOUNT)[0]
    assert "unknown" in report.first_error.cause and LIST in report.first_error.cause


@pytest.mark.parametrize(
    ("code", "said"), [("AccessDenied", GET), ("ExpiredToken", "expired"), ("ServiceFailure", "ServiceFailure")]
)
def test_a_provider_that_cannot_be_read_is_unknown(aws, fake_aws, make, code, said):
    make()
    fake_aws.fail(GET, code, 403)
    report, found = look(aws, account_id=ACCOUNT)
    assert ordered_statuses(report) == ["skipped"] * 3
    assert "unknown" in seen(report, "provider-exists") and said in seen(report, "provider-exists")
    assert found == (ARN, None)


def test_without_credentials_the_provider_is_unknown():
    report, found = look(None)
    assert ordered_statuses(report) == ["skipped"] * 3 and found == (None, None)
    assert "credentials" in seen(report, "provider-exists")


def test_a_known_provider_costs_no_call(aws, fake_aws):
    known = {"arn": ARN, "client_ids": ["ours"], "thumbprints": [CA_PRINT]}
    report, found = look(aws, known_provider=known, chain=CHAIN)
    assert ordered_statuses(report) == ["ok"] * 3
    assert (found.arn, found.client_ids) == (ARN, ["ours"])
    assert not fake_aws.calls


@pytest.mark.parametrize(
    ("client_ids", "given", "status"),
    [
        ([AUDIENCE], {}, "ok"),
        (["sts.amazonaws.com.cn"], {}, "warning"),
        (["sts.amazonaws.com.cn"], {"audiences": ["sts.amazonaws.com.cn"]}, "ok"),
        (["sts.amazonaws.com.cn"], {"token": token("sts.amazonaws.com.cn")}, "ok"),
        (["sts.amazonaws.com.cn", AUDIENCE], {}, "ok"),
        (["sts.amazonaws.comx"], {}, "warning"),
        (["sts.amazonaws.com/"], {}, "warning"),
        (["STS.amazonaws.com"], {}, "warning"),
        (["https://sts.amazonaws.com"], {}, "warning"),
        (["vault"], {}, "warning"),
        # Which of two audiences STS would use is unknown. That is the token's fault.
        (["vault"], {"token": token("vault", "https://kubernetes.default.svc")}, "ok"),
        (["app"], {"token": token("vault", "other")}, "warning"),
        (["app"], {"token": token()}, "warning"),
        (["app"], {"token": token("https://kubernetes.default.svc")}, "warning"),
        ([], {}, "error"),
        (["vault"], {"token": token("vault")}, "ok"),
        (["vault"], {"token": token(AUDIENCE)}, "error"),
        ([AUDIENCE], {"token": token("vault")}, "ok"),  # the token's fault
        (["vault"], {"audiences": ["vault"]}, "ok"),
        ([AUDIENCE], {"audiences": ["vault"]}, "error"),
        ([AUDIENCE, "vault"], {"audiences": ["vault", AUDIENCE]}, "ok"),
        ([AUDIENCE, "vault"], {"audiences": ["vault", "other"]}, "error"),
    ],
)
def test_client_ids_are_compared_with_the_audiences(aws, make, client_ids, given, status):
    make(client_ids=client_ids)
    report = look(aws, account_id=ACCOUNT, **given)[0]
    assert ordered_statuses(report) == ["ok", status, "ok"]
    assert not any("null" in text for check in report.checks for text in (check.seen, check.cause or ""))


@pytest.mark.parametrize(
    ("client_ids", "given", "cause", "added"),
    [
        (["sts.amazonaws.com.cn"], {}, "China", '["sts.amazonaws.com.cn", "sts.amazonaws.com"]'),
        (["https://vault"], {"token": token("vault")}, "https://", '["https://vault", "vault"]'),
        (["a", "b"], {"audiences": ["c", "a"]}, "", '["a", "b", "c"]'),
    ],
)
def test_a_wrong_client_id_is_explained_and_the_right_list_can_be_pasted(aws, make, client_ids, given, cause, added):
    make(client_ids=client_ids)
    finding = faults(look(aws, account_id=ACCOUNT, **given)[0])[0]
    assert cause in finding.cause and f"irsa_issuer_audiences: {added}" in finding.remedy


@pytest.mark.parametrize(
    ("thumbprints", "private_ca", "status"),
    [
        ([CA_PRINT], True, "ok"),
        ([CA_PRINT.upper()], True, "ok"),
        ([LEAF_PRINT, CA_PRINT], True, "ok"),
        ([LEAF_PRINT], False, "warning"),
        (["x" * 40], False, "warning"),
        ([FORMER_PRINT], True, "warning"),
        ([FORMER_PRINT], False, "ok"),  # of an earlier chain, and AWS knows the CA
        (["0" * 40], False, "warning"),
        ([CA_PRINT, "F" * 40], True, "warning"),
    ],
)
def test_wrong_thumbprints_are_a_warning(aws, make, thumbprints, private_ca, status):
    make(thumbprints=thumbprints)
    report = look(aws, account_id=ACCOUNT, chain=CHAIN, private_ca=private_ca)[0]
    assert ordered_statuses(report) == ["ok", "ok", status]


def test_thumbprints_of_the_wrong_length_are_a_warning():
    known = {"arn": ARN, "client_ids": [AUDIENCE], "thumbprints": ["abc"]}
    assert "'abc'" in seen(look(None, known_provider=known)[0], "provider-thumbprints")
    assert ordered_statuses(look(None, known_provider={**known, "thumbprints": []})[0]) == ["ok"] * 3
    assert ordered_statuses(look(None, known_provider={**known, "thumbprints": None})[0]) == ["ok"] * 3
