# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM OIDC provider: registered, reconciled in place, looked up, or removed in the safe order."""

from __future__ import annotations

import hashlib
import json
import typing as t

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import (
    provider,
    provider_absent,
    provider_present,
    provider_rules,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_base import ProviderSpec
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, refusal

URL = "https://irsa-prod.s3.eu-west-1.amazonaws.com/prod"
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com/prod"
AUDIENCE = "sts.amazonaws.com"
# Of GitHub and of Starfield (S3, EKS), as guides have them.
ONE, TWO = "6938fd4d98bab03faadb97b34396831e3780aea1", "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"

GET, LIST = "iam:GetOpenIDConnectProvider", "iam:ListOpenIDConnectProviders"
CREATE, DELETE = "iam:CreateOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider"
ADD, REMOVE = "iam:AddClientIDToOpenIDConnectProvider", "iam:RemoveClientIDFromOpenIDConnectProvider"
THUMBPRINT = "iam:UpdateOpenIDConnectProviderThumbprint"
TAG, UNTAG = "iam:TagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider"


def ensure(fake_aws, check_mode=False, **given):
    return provider_present.ensure_present(Aws(fake_aws.clients), ProviderSpec(**{"url": URL, **given}), check_mode)


def remove(fake_aws, check_mode=False, **given):
    return provider_absent.ensure_absent(Aws(fake_aws.clients), ProviderSpec(**{"url": URL, **given}), check_mode)


@pytest.fixture
def iam(fake_aws):
    """A client of others."""
    return fake_aws.quietly("iam")


@pytest.fixture
def made(fake_aws, iam):
    """A provider with one client ID, one thumbprint and one tag."""
    iam.create_open_id_connect_provider(
        Url=URL, ClientIDList=[AUDIENCE], ThumbprintList=[ONE], Tags=[{"Key": "theirs", "Value": "x"}]
    )


def present(iam):
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
    return sorted(found["ClientIDList"]), sorted(found["ThumbprintList"]), tags


def assert_same_in_check_mode(fake_aws, **given):
    """Run in check mode, then for real, then again: planned, done, nothing left to do."""
    planned = ensure(fake_aws, check_mode=True, **given)
    assert fake_aws.writes == []
    done = ensure(fake_aws, **given)
    assert planned.actions == done.actions == fake_aws.writes
    assert (planned.values, planned.diff, planned.warnings) == (done.values, done.diff, done.warnings)
    assert planned.permissions == done.permissions
    fake_aws.calls.clear()
    again = ensure(fake_aws, **given)
    assert (again.actions, fake_aws.writes, again.warnings) == ([], [], [])
    for name in ("arn", "url", "client_ids", "tags"):
        assert again.values[name] == done.values[name]
    return done


class TestRegistration:
    def test_provider_registration_takes_one_write(self, fake_aws, iam):
        done = assert_same_in_check_mode(fake_aws)
        assert done.actions == [CREATE]
        assert fake_aws.params_of(CREATE) == [{"Url": URL, "ClientIDList": [AUDIENCE]}]
        assert done.values == {
            "arn": ARN,
            "url": URL,
            "client_ids": [AUDIENCE],
            "thumbprints": [],
            "tags": {},
            "create_date": None,
            "account_id": ACCOUNT,
        }
        assert present(iam)[0] == [AUDIENCE]
        assert done.permissions == [CREATE, GET]

    def test_the_provider_arn_is_computed_and_never_searched_for(self, fake_aws):
        ensure(fake_aws, account_id=ACCOUNT, confirm_account=False)
        assert fake_aws.calls == [GET, CREATE]
        assert fake_aws.params_of(GET) == [{"OpenIDConnectProviderArn": ARN}]

    def test_provider_registration_sets_all_options_at_once(self, fake_aws, iam):
        done = assert_same_in_check_mode(
            fake_aws, client_ids=["b", "a", "b"], thumbprints=[TWO.upper(), ONE, TWO], tags={"team": "platform"}
        )
        assert done.actions == [CREATE]
        (params,) = fake_aws.params_of(CREATE)
        assert params["ClientIDList"] == ["b", "a"] and params["ThumbprintList"] == [ONE, TWO]
        assert present(iam) == (["a", "b"], [ONE, TWO], {"team": "platform"})
        assert "iam:TagOpenIDConnectProvider" in done.permissions

    def test_a_provider_of_a_concurrent_run_is_adopted(self, fake_aws, iam, pauses):
        fake_aws.before(
            CREATE, lambda: iam.create_open_id_connect_provider(Url=URL, ClientIDList=["other"], ThumbprintList=[ONE])
        )
        done = ensure(fake_aws)
        assert done.actions == [ADD, REMOVE]
        assert present(iam)[0] == [AUDIENCE]

    def test_provider_registration_waits_until_iam_can_read_the_documents(self, fake_aws, pauses):
        fake_aws.fail(CREATE, "OpenIdIdpCommunicationError", 400, times=2)
        assert ensure(fake_aws).actions == [CREATE]
        assert len(pauses) == 2


class TestReconciliation:
    def test_a_matching_provider_is_unchanged(self, fake_aws, made):
        done = ensure(fake_aws)
        assert (done.actions, done.warnings) == ([], [])
        assert done.values["thumbprints"] == [ONE] and done.values["tags"] == {"theirs": "x"}
        assert done.values["create_date"].startswith("20")
        assert fake_aws.calls == ["sts:GetCallerIdentity", GET]

    def test_client_ids_are_added_before_others_are_removed(self, fake_aws, iam, made):
        done = assert_same_in_check_mode(fake_aws, client_ids=["new", "newer"])
        assert done.actions == [ADD, ADD, REMOVE]
        assert present(iam)[0] == ["new", "newer"]
        assert len(done.warnings) == 1 and AUDIENCE in done.warnings[0] and "lose access" in done.warnings[0]

    def test_other_client_ids_are_kept_without_purge(self, fake_aws, iam, made):
        done = assert_same_in_check_mode(fake_aws, client_ids=["new"], purge_client_ids=False)
        assert done.actions == [ADD] and done.values["client_ids"] == sorted([AUDIENCE, "new"])
        assert done.warnings == []

    def test_other_client_ids_that_leave_no_room_are_named_in_the_refusal(self, fake_aws, iam):
        current = [f"audience-{number:03}" for number in range(99)]
        iam.create_open_id_connect_provider(Url=URL, ClientIDList=current, ThumbprintList=[ONE])
        message = refusal(fake_aws, ensure, client_ids=["new", "newer"], purge_client_ids=False)
        for part in (
            URL.removeprefix("https://"),
            "99 audiences",
            "'new', 'newer'",
            "101",
            "irsa_issuer_purge_audiences",
        ):
            assert part in message
        assert ensure(fake_aws, client_ids=["new"], purge_client_ids=False).actions == [ADD]
        assert ensure(fake_aws, client_ids=["new"], purge_client_ids=False).actions == []

    def test_client_ids_are_removed_first_if_the_limit_requires_it(self, fake_aws, iam):
        current = [f"audience-{number:03}" for number in range(100)]
        iam.create_open_id_connect_provider(Url=URL, ClientIDList=current, ThumbprintList=[ONE])
        done = ensure(fake_aws, client_ids=[*current[2:], "new", "newer"])
        assert done.actions == [REMOVE, REMOVE, ADD, ADD]

    @pytest.mark.parametrize("thumbprints", [None, [], [ONE], [ONE.upper(), ONE]])
    def test_thumbprints_are_kept_if_none_are_given(self, fake_aws, made, thumbprints):
        assert ensure(fake_aws, thumbprints=thumbprints).actions == []

    def test_given_thumbprints_replace_others(self, fake_aws, iam, made):
        done = assert_same_in_check_mode(fake_aws, thumbprints=[TWO.upper()])
        assert done.actions == [THUMBPRINT]
        assert present(iam)[1] == [TWO] == done.values["thumbprints"]

    @pytest.mark.parametrize(
        ("given", "actions", "tags"),
        [
            ({"tags": {"team": "platform"}}, [TAG], {"theirs": "x", "team": "platform"}),
            ({"tags": {"team": "platform"}, "purge_tags": True}, [TAG, UNTAG], {"team": "platform"}),
            ({"tags": {"theirs": "y"}}, [TAG], {"theirs": "y"}),
            ({"tags": {}, "purge_tags": True}, [UNTAG], {}),
            ({"tags": {}}, [], {"theirs": "x"}),
            ({"tags": None, "purge_tags": True}, [], {"theirs": "x"}),
            ({"tags": {"number": 5, "flag": True}}, [TAG], {"theirs": "x", "number": "5", "flag": "True"}),
        ],
        ids=["added", "purged", "changed", "all purged", "none given", "not looked at", "of other types"],
    )
    def test_provider_tags_are_merged_unless_purged(self, fake_aws, iam, made, given, actions, tags):
        done = assert_same_in_check_mode(fake_aws, **given)
        assert done.actions == actions
        assert present(iam)[2] == tags == done.values["tags"]

    @pytest.mark.parametrize("tags", [{"aws:mine": "1"}, {"team": "aws:x"}, {"team!": "x"}, {1: "a", "1": "b"}])
    def test_provider_tags_that_aws_refuses_are_refused_before_any_call(self, fake_aws, made, tags):
        assert refusal(fake_aws, ensure, tags=tags).startswith("tags (irsa_issuer_tags): the ")
        assert [call for call in fake_aws.calls if call.startswith("iam:")] == []

    def test_provider_tags_must_fit_beside_those_of_others(self, fake_aws, iam, made):
        theirs = [{"Key": f"theirs-{number}", "Value": "x"} for number in range(48)]
        iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=ARN, Tags=theirs)
        assert f"provider {ARN} would have 51 tags" in refusal(fake_aws, ensure, tags={"a": "1", "b": "2"})
        done = assert_same_in_check_mode(fake_aws, tags={"a": "1", "b": "2"}, purge_tags=True)
        assert done.actions == [UNTAG, TAG]
        assert present(iam)[2] == {"a": "1", "b": "2"}

    def test_a_provider_is_never_deleted_and_created_again(self, fake_aws, made):
        ensure(fake_aws, client_ids=["new"], thumbprints=[TWO], tags={"a": "b"}, purge_tags=True)
        assert CREATE not in fake_aws.calls and DELETE not in fake_aws.calls

    def test_each_change_of_a_provider_has_a_diff_entry(self, fake_aws, made):
        drawn = ensure(fake_aws, check_mode=True, client_ids=["new"], thumbprints=[TWO], tags={"a": "b"}).diff
        assert [(entry["before"], entry["after"]) for entry in drawn] == [
            ("", "new\n"),
            (f"{AUDIENCE}\n", ""),
            (json.dumps([ONE], indent=2) + "\n", json.dumps([TWO], indent=2) + "\n"),
            ("{}\n", '{\n  "a": "b"\n}\n'),
        ]


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"url": "http://irsa.example.com"}, "must begin with https://"),
            ({"url": "https://irsa.example.com/"}, "ends with a slash"),
            ({"url": f"{URL}/.well-known/openid-configuration"}, f"the issuer is '{URL}'"),
            ({"url": "https://oidc.lan"}, "AWS can never reach it"),
            ({"client_ids": []}, "client_ids has 0 entries"),
            ({"client_ids": [str(number) for number in range(101)]}, "client_ids has 101 entries"),
            ({"client_ids": [""]}, "0 characters"),
            ({"client_ids": ["x" * 256]}, "256 characters"),
            ({"thumbprints": [ONE] * 6}, "thumbprints has 6 entries"),
            ({"thumbprints": ["x" * 40]}, "40 hexadecimal digits"),
            ({"thumbprints": [ONE[:39]]}, "40 hexadecimal digits"),
            ({"thumbprints": [ONE + "\n"]}, "40 hexadecimal digits"),
            ({"thumbprints": [":".join(["11"] * 20)]}, "without colons"),
            ({"thumbprints": ["auto", ONE]}, "either only"),
            ({"account_id": "5"}, "twelve digits"),
        ],
        ids=[
            "http",
            "slash",
            "document",
            "internal",
            "no audience",
            "101 audiences",
            "empty audience",
            "long audience",
            "6 thumbprints",
            "no hex",
            "39 digits",
            "line end",
            "colons",
            "auto and others",
            "account",
        ],
    )
    def test_invalid_provider_options_are_refused_before_any_call(self, fake_aws, given, reason):
        assert reason in refusal(fake_aws, ensure, **given)
        assert [call for call in fake_aws.calls if call.startswith("iam:")] == []

    def test_provider_credentials_of_another_account_are_refused(self, fake_aws):
        message = refusal(fake_aws, ensure, account_id="999999999999")
        assert "999999999999" in message and ACCOUNT in message and "Nothing was created" in message

    def test_a_confirmed_account_is_not_confirmed_again(self, fake_aws):
        ensure(fake_aws, account_id=ACCOUNT, confirm_account=False)
        assert "sts:GetCallerIdentity" not in fake_aws.calls

    def test_a_denied_read_of_a_provider_mentions_the_account(self, fake_aws):
        fake_aws.fail(GET, "AccessDenied", 403)
        message = refusal(fake_aws, ensure, account_id="999999999999")
        assert "iam:GetOpenIDConnectProvider" in message and "correct account_id" in message

    def test_provider_tags_are_refused_if_the_endpoint_has_none(self, fake_aws, monkeypatch):
        real = provider_present.endpoint_of
        monkeypatch.setattr(provider_present, "endpoint_of", lambda client: real(client)._replace(is_aws=False))
        fake_aws.fail("iam:ListOpenIDConnectProviderTags", "MethodNotAllowed", 405)
        assert "Leave tags out" in refusal(fake_aws, ensure, tags={"team": "platform"})


class TestFaults:
    GIVEN: t.ClassVar = {"client_ids": ["new"], "thumbprints": [TWO], "tags": {"team": "platform"}, "purge_tags": True}
    WRITES = (ADD, REMOVE, THUMBPRINT, TAG, UNTAG)

    @pytest.mark.parametrize("broken", range(len(WRITES)), ids=WRITES)
    def test_the_next_run_completes_a_provider_after_a_denied_write(self, fake_aws, iam, made, broken):
        fake_aws.fail(self.WRITES[broken], "AccessDenied", 403)
        with pytest.raises(CallFailed) as caught:
            ensure(fake_aws, **self.GIVEN)
        assert caught.value.details["missing_permissions"] == [self.WRITES[broken]]
        assert ARN in str(caught.value)
        assert ensure(fake_aws, **self.GIVEN).actions == list(self.WRITES[broken:])
        assert present(iam) == (["new"], [TWO], {"team": "platform"})

    def test_a_concurrent_modification_of_a_provider_is_retried(self, fake_aws, made, pauses):
        fake_aws.fail(ADD, "ConcurrentModification", 409)
        assert ensure(fake_aws, client_ids=[AUDIENCE, "new"]).actions == [ADD]
        assert pauses


class TestRemoval:
    def trust(self, iam, name, principal, effect="Allow"):
        statement = {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRoleWithWebIdentity"}
        document = {"Version": "2012-10-17", "Statement": statement if name == "single" else [statement]}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))

    def test_provider_removal_deletes_the_provider_once(self, fake_aws, iam, made):
        planned = remove(fake_aws, check_mode=True)
        assert fake_aws.writes == []
        done = remove(fake_aws)
        assert planned.actions == done.actions == [DELETE]
        assert done.values == {"arn": ARN, "url": URL, "account_id": ACCOUNT}
        assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
        assert remove(fake_aws).actions == []

    @pytest.mark.parametrize("url", [f"{URL}/.well-known/openid-configuration", "https://oidc.lan"])
    def test_a_provider_that_should_not_have_been_registered_can_be_removed(self, fake_aws, iam, url):
        iam.create_open_id_connect_provider(Url=url, ClientIDList=[AUDIENCE], ThumbprintList=[ONE])
        assert len(provider.find_providers(Aws(fake_aws.clients), url=url)) == 1
        assert remove(fake_aws, url=url).actions == [DELETE]

    def test_provider_removal_accepts_a_provider_deleted_meanwhile(self, fake_aws, iam, made):
        fake_aws.before(DELETE, lambda: iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=ARN))
        fake_aws.fail(DELETE, "NoSuchEntity", 404)
        assert remove(fake_aws).actions == []

    @pytest.mark.parametrize(
        ("name", "principal"),
        [
            ("one", {"Federated": ARN}),
            ("several", {"Federated": ["arn:aws:iam::1:saml-provider/x", ARN]}),
            ("single", {"Federated": ARN}),
            ("everyone", "*"),
        ],
    )
    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_provider_removal_is_refused_while_a_role_trusts_the_provider(
        self, fake_aws, iam, made, name, principal, check_mode
    ):
        self.trust(iam, name, principal)
        with pytest.raises(IrsaError) as caught:
            remove(fake_aws, check_mode)
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        # A real run says that nothing was written before it failed.
        written = {} if check_mode else {"changed": False, "actions": [], "diff": []}
        assert arn in str(caught.value) and caught.value.details == {"trusting_roles": [arn], **written}
        assert fake_aws.writes == []
        assert remove(fake_aws, ignore_role_trust=True).actions == [DELETE]

    @pytest.mark.parametrize(
        ("principal", "effect"),
        [({"Federated": ARN + "-2"}, "Allow"), ({"AWS": ARN}, "Allow"), ({"Federated": ARN}, "Deny"), ("*", "Deny")],
        ids=["another provider", "no federation", "denied", "denied to everyone"],
    )
    def test_provider_removal_ignores_other_roles(self, fake_aws, iam, made, principal, effect):
        self.trust(iam, "other", principal, effect)
        assert remove(fake_aws).actions == [DELETE]

    @pytest.mark.parametrize("statement", [["Allow"], "Allow", None, [None]], ids=str)
    def test_provider_removal_ignores_odd_trust_policies(self, fake_aws, iam, made, monkeypatch, statement):
        role = {"Arn": "arn:aws:iam::1:role/odd", "AssumeRolePolicyDocument": {"Statement": statement}}
        monkeypatch.setattr(Aws, "pages", lambda *arguments, **params: [{"Roles": [role]}, {}])
        assert remove(fake_aws).actions == [DELETE]

    def test_provider_removal_lists_no_roles_without_a_provider(self, fake_aws):
        remove(fake_aws)
        assert "iam:ListRoles" not in fake_aws.calls


class TestFindProviders:
    @pytest.fixture
    def several(self, iam):
        for name, team in (("b", "platform"), ("a", "platform"), ("c", "data")):
            iam.create_open_id_connect_provider(
                Url=f"https://{name}.example.com",
                ClientIDList=["x"],
                ThumbprintList=[ONE],
                Tags=[{"Key": "team", "Value": team}],
            )

    def find(self, fake_aws, url=None, arn=None, tags=None, account_id=None):
        found = provider.find_providers(Aws(fake_aws.clients), url=url, arn=arn, tags=tags, account_id=account_id)
        return [each["url"] for each in found]

    def test_finding_a_provider_by_url_takes_one_call(self, fake_aws, several):
        assert self.find(fake_aws, "https://b.example.com", account_id=ACCOUNT) == ["https://b.example.com"]
        assert fake_aws.calls == [GET]

    def test_finding_a_provider_by_arn_takes_one_call(self, fake_aws, several):
        assert self.find(fake_aws, arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/c.example.com") == [
            "https://c.example.com"
        ]
        assert fake_aws.calls == [GET]

    def test_all_providers_are_sorted(self, fake_aws, several):
        assert self.find(fake_aws) == [f"https://{name}.example.com" for name in "abc"]
        assert fake_aws.calls == [LIST, GET, GET, GET]

    def test_found_providers_match_all_filters(self, fake_aws, several):
        assert self.find(fake_aws, tags={"team": "platform"}) == ["https://a.example.com", "https://b.example.com"]
        assert self.find(fake_aws, "https://c.example.com", tags={"team": "platform"}) == []
        assert (
            self.find(fake_aws, "https://a.example.com", arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/c.example.com")
            == []
        )

    def test_finding_a_missing_provider_returns_nothing(self, fake_aws):
        assert self.find(fake_aws) == self.find(fake_aws, "https://gone.example.com") == []

    def test_finding_providers_ignores_one_deleted_meanwhile(self, fake_aws, several):
        fake_aws.fail(GET, "NoSuchEntity", 404)
        assert self.find(fake_aws) == ["https://b.example.com", "https://c.example.com"]

    @pytest.mark.parametrize("arn", ["", "nonsense", "arn:aws:iam::123456789012:role/x", ARN + "\n"])
    def test_finding_a_provider_refuses_an_invalid_arn(self, fake_aws, arn):
        with pytest.raises(IrsaError, match="oidc-provider"):
            self.find(fake_aws, arn=arn)


@pytest.mark.parametrize(
    "thumbprint",
    [
        *("0" * 40, "f" * 40, "A" * 40, "ab" * 20, "1234" * 10, "123" * 13 + "1"),
        *("1234567890" * 4, "0123456789abcdef0123456789abcdef01234567", "deadbeef" * 5, "a1b2c3d4e5" * 4),
        *("990F4193972F2BECF12DDEDA5237F9C952F20D9E", "cf23df2207d99a74fbe169e3eba035e633b65d94"),
        *(hashlib.sha1(each).hexdigest() for each in (b"", b"\n")),
    ],
)
def test_a_placeholder_for_a_thumbprint_is_a_warning_in_each_run(fake_aws, thumbprint):
    given = {"thumbprints": [ONE, thumbprint]}
    runs = [ensure(fake_aws, check_mode=True, **given), ensure(fake_aws, **given), ensure(fake_aws, **given)]
    for run in runs:
        (warning,) = run.warnings
        assert f"'{thumbprint.lower()}' is a placeholder" in warning and ONE not in warning
    assert runs[-1].actions == []


def test_thumbprints_of_certificates_are_no_placeholders():
    random = [hashlib.sha1(str(number).encode()).hexdigest() for number in range(2000)]
    assert provider_rules.placeholders_in([ONE, TWO, *random]) == []
