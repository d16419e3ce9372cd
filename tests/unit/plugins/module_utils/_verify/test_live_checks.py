# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is checked in a cluster: its API servers, what injects credentials, and its pods."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import live_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.provider_checks import FoundProvider
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.tests.unit.plugins import fake_cluster as fake
from ansible_collections.selfhosted.irsa.tests.unit.plugins import fake_webhook
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_cluster import (
    ISSUER,
    KEY,
    LABEL,
    OLD,
    OTHER_KEY,
    ROLE,
    sound,
    together,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import only_fault, statuses

ARN = "arn:aws:iam::111122223333:oidc-provider/irsa-prod.s3.eu-west-1.amazonaws.com"
PROVIDER = FoundProvider(ARN, {"client_ids": ["sts.amazonaws.com"]})
UNKNOWN_PROVIDER = FoundProvider(None, None)


def check(api, *, published=(KEY,), provider=PROVIDER, **identity):
    """The report of all checks. No token may appear in it."""
    report = Report()
    context = Context(report=report, issuer=ISSUER, identity=Identity(**identity), published=published)
    cluster = LiveCluster(api)
    live_checks.check_servers(context, cluster)
    live_checks.check_pods(context, cluster, provider)
    assert "eyJ" not in str(report.checks) and "c2lnbmF0dXJl" not in str(report.checks)
    return report


def seen(report, check_id):
    return " ".join(each.seen for each in report.checks if each.id == check_id)


def test_a_sound_cluster_passes_every_check():
    report = check(sound())
    assert statuses(report) == dict.fromkeys([*live_checks.SERVER_IDS, *live_checks.POD_IDS], "ok"), report.text


def test_a_sound_cluster_of_three_servers_passes_every_check():
    servers = [sound(f"10.0.0.{number}:6443") for number in (1, 2, 3)]
    report = check(together(*servers))
    assert set(statuses(report).values()) == {"ok"}, report.text
    assert "each of the 3 API servers" in seen(report, "injection-present")
    # Each one minted a token, and reviewed that of each.
    assert [sum(request.endswith("tokenreviews") for request in server.requests) for server in servers] == [3, 3, 3]


def test_the_checks_are_made_in_the_order_of_the_catalogue():
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE  # noqa: PLC0415

    ids = [*live_checks.SERVER_IDS, *live_checks.POD_IDS]
    assert [check_id for check_id in CATALOGUE if check_id in ids] == ids == [each.id for each in check(sound()).checks]


class TestIssuer:
    def test_a_server_that_does_not_know_the_issuer_is_an_error(self):
        report = check(together(sound(), sound("10.0.0.2:6443", flagz=fake.flagz(OLD))))
        fault = only_fault(report)
        assert (fault.id, fault.status) == ("apiserver-issuer", "error")
        assert "10.0.0.2:6443" in fault.seen and "10.0.0.1" not in fault.seen and OLD in fault.seen

    def test_a_server_that_only_accepts_the_issuer_is_an_error_with_the_phase_that_is_missing(self):
        fault = only_fault(check(sound(flagz=fake.flagz(OLD, ISSUER))))
        assert (fault.id, fault.status) == ("apiserver-issuer", "error")
        assert f"tokens are signed for '{OLD}'" in fault.seen and "irsa_apiserver_phase: sign" in fault.remedy

    def test_mirror_pods_tell_where_flagz_does_not(self):
        servers = [sound(f"10.0.0.{number}:6443", flagz=404) for number in (1, 2)]
        api = together(*servers)
        ours, old = f"--service-account-issuer={ISSUER}", f"--service-account-issuer={OLD}"
        api.answers[fake.MIRROR_PODS] = [
            fake.mirror_pod("node1", "10.0.0.1", ours, old),
            fake.mirror_pod("node2", "10.0.0.2", "--service-account-issuer", OLD),
        ]
        fault = only_fault(check(api))
        assert fault.id == "apiserver-issuer" and "'node2'" in fault.seen and "node1" not in fault.seen

    @pytest.mark.parametrize(
        "arguments",
        [
            [f"--service_account_issuer={ISSUER}", f"--service-account-issuer={OLD}"],
            ["--audit-log-path", "-", "--service-account-issuer", ISSUER],
            # Without a value in the same argument, what follows is no value if it looks like a flag.
            ["--profiling", f"--service-account-issuer={ISSUER}"],
            [f"--service-account-issuer={ISSUER}", "--", f"--service-account-signing-endpoint={OLD}"],
        ],
    )
    def test_the_arguments_of_mirror_pods_are_read_as_the_server_reads_them(self, arguments):
        pod = fake.mirror_pod("node1", "10.0.0.1", *arguments)
        found = statuses(check(sound(flagz=404, mirror_pods=[pod])))
        assert found["apiserver-issuer"] == found["signer-external"] == "ok"

    def test_mirror_pods_show_servers_behind_a_load_balancer(self):
        pods = [fake.mirror_pod("node1", "10.0.0.1", f"--service-account-issuer={OLD}")]
        fault = only_fault(check(sound("balancer.example.com:443", endpoints=404, flagz=403, mirror_pods=pods)))
        assert fault.id == "apiserver-issuer" and "'node1'" in fault.seen

    def test_a_pod_that_no_kubelet_reports_is_not_believed(self):
        pod = fake.mirror_pod("node1", "10.0.0.1", f"--service-account-issuer={OLD}")
        del pod["metadata"]["annotations"]
        assert statuses(check(sound(mirror_pods=[pod])))["apiserver-issuer"] == "ok"

    def test_without_rights_the_arguments_are_unknown_and_the_rights_are_named(self):
        report = check(sound(flagz=403, mirror_pods=403))
        assert {check_id for check_id, status in statuses(report).items() if status == "skipped"} == {
            "apiserver-issuer",
            "signer-external",
        }
        assert "the verb get on the non-resource URL /flagz" in seen(report, "apiserver-issuer")
        assert "the verb list on pods in namespace kube-system" in seen(report, "apiserver-issuer")

    def test_a_server_whose_flags_are_unknown_is_never_passed_over(self):
        """During an upgrade to 1.36, only some servers have /flagz."""
        hidden = {"flagz": 404, "discovery": {"issuer": OLD}, "reviews": fake.review}
        numbers = [(1, 2, 3), (3, 1, 2), (2, 3, 1)]
        for first, *others in numbers:
            servers = [sound(f"10.0.0.{first}:6443"), *(sound(f"10.0.0.{each}:6443", **hidden) for each in others)]
            report = check(together(*servers))
            assert {statuses(report)[check_id] for check_id in ("apiserver-issuer", "signer-external")} == {"skipped"}
            for number in others:
                assert f"at 10.0.0.{number}:6443" in seen(report, "apiserver-issuer")
            # A token for AWS was tried on those whose flags do not tell.
            fault = next(each for each in report.checks if each.id == "apiserver-audience")
            assert fault.status == "warning" and f"10.0.0.{first}" not in fault.seen
            assert all(f"10.0.0.{number}" in fault.seen for number in others)

    def test_a_server_that_does_not_answer_is_not_passed_over_unless_its_pod_shows_its_flags(self):
        servers = [sound(), sound("10.0.0.2:6443", discovery="no answer", flagz="no answer")]
        report = check(together(*servers))
        assert statuses(report)["apiserver-issuer"] == statuses(report)["apiserver-audience"] == "skipped"
        assert "at 10.0.0.2:6443 are unknown: no answer in time" in seen(report, "apiserver-issuer")
        servers[0].answers[fake.MIRROR_PODS] = [
            fake.mirror_pod("node2", "10.0.0.2", f"--service-account-issuer={ISSUER}")
        ]
        assert statuses(check(servers[0]))["apiserver-issuer"] == "ok"


def behind_balancer(**changes):
    """A load balancer that answers, before two servers with addresses that do not answer from here."""
    balancer = sound("balancer.example.com:443", **changes)
    servers = [sound(f"10.0.0.{number}:6443", discovery=503) for number in (1, 2)]
    balancer.others = {server.address: server for server in servers}
    balancer.answers[fake.ENDPOINTS] = fake.endpoints(*balancer.others)
    return balancer


class TestAgreement:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"discovery": {"issuer": OLD}}, f"'10.0.0.2:6443' has '{OLD}'"),
            ({"jwks": {"keys": [OTHER_KEY]}}, "does not know the key 'one'"),
            ({"jwks": {"keys": [KEY, OTHER_KEY]}}, "'10.0.0.1:6443' does not know the key 'two'"),
            ({"jwks": {"keys": [{**OTHER_KEY, "kid": "one"}]}}, "different keys under the kid 'one'"),
            ({"reviews": fake.refusal}, "'10.0.0.2:6443' refuses a token of '10.0.0.1:6443': [invalid bearer token"),
        ],
    )
    def test_a_server_that_differs_is_an_error(self, change, said):
        report = check(together(sound(), sound("10.0.0.2:6443", **change)), published=[KEY, OTHER_KEY])
        fault = next(each for each in report.checks if each.id == "apiservers-agree")
        assert fault.status == "error" and said in fault.seen, fault

    def test_a_server_that_does_not_answer_leaves_it_open(self):
        report = check(together(sound(), sound("10.0.0.2:6443", discovery=503)))
        assert statuses(report)["apiservers-agree"] == "skipped"
        assert "10.0.0.2:6443: it answers with 503" in seen(report, "apiservers-agree")

    def test_private_addresses_leave_open_what_only_the_servers_themselves_say(self):
        report = check(behind_balancer(flagz=fake.flagz(ISSUER)))
        open_ids = {"apiserver-issuer", "apiservers-agree", "signer-external", "apiserver-audience"}
        assert {check_id for check_id, status in statuses(report).items() if status == "skipped"} == open_ids
        assert set(statuses(report).values()) == {"ok", "skipped"}
        for text in ("first --service-account-issuer of API server 'balancer.example.com:443'", "10.0.0.1", "10.0.0.2"):
            assert text in seen(report, "apiserver-issuer")
        assert "from the API server that answers from here" in seen(report, "injection-present")
        report = check(behind_balancer(flagz=fake.flagz(ISSUER, signing_endpoint="/run/signer.sock")))
        assert statuses(report)["signer-external"] == "skipped"
        assert "its keys are published" in seen(report, "signer-external")

    def test_what_a_load_balancer_says_is_an_error_whatever_is_behind_it(self):
        report = check(behind_balancer(flagz=fake.flagz(OLD, audiences="sts.amazonaws.com")))
        assert statuses(report)["apiserver-issuer"] == "error"
        assert statuses(report)["apiserver-audience"] == "warning"

    def test_without_the_right_to_make_tokens_only_documents_are_compared(self):
        report = check(together(sound(token=403), sound("10.0.0.2:6443")))
        assert statuses(report)["apiservers-agree"] == "skipped"
        assert "the verb create on serviceaccounts/token in namespace default" in seen(report, "apiservers-agree")

    def test_without_the_right_to_read_the_addresses_nothing_is_compared(self):
        report = check(sound(endpoints=403))
        for check_id in ("apiserver-issuer", "apiservers-agree", "signer-external", "apiserver-audience"):
            assert "the verb get on endpoints in namespace default" in seen(report, check_id)
            assert statuses(report)[check_id] == "skipped"
        pods = [fake.mirror_pod("node1", "10.0.0.1", f"--service-account-issuer={ISSUER}")]
        report = check(sound(endpoints=403, mirror_pods=pods))
        assert {check_id for check_id, status in statuses(report).items() if status == "skipped"} == {
            "apiservers-agree"
        }


class TestSigner:
    def external(self, **changes):
        return sound(flagz=fake.flagz(signing_endpoint="/run/signer.sock"), **changes)

    def test_an_external_signer_whose_keys_are_published_passes_with_what_it_means(self):
        report = check(self.external())
        assert statuses(report)["signer-external"] == "ok"
        assert "/run/signer.sock" in seen(report, "signer-external")
        assert "irsa_issuer_from_cluster" in seen(report, "signer-external")

    def test_an_unpublished_key_of_an_external_signer_is_an_error(self):
        fault = only_fault(check(self.external(), published=[OTHER_KEY]))
        assert (fault.id, fault.status) == ("signer-external", "error") and "'one' is not published" in fault.seen

    def test_without_published_keys_it_is_left_open(self):
        assert statuses(check(self.external(), published=None))["signer-external"] == "skipped"

    def test_its_flag_is_read_from_mirror_pods_as_well(self):
        flags = [f"--service-account-issuer={ISSUER}", "--service-account-signing-endpoint=/run/signer.sock"]
        api = sound(flagz=404, mirror_pods=[fake.mirror_pod("node1", "10.0.0.1", *flags)])
        assert "'node1'" in seen(check(api), "signer-external")


class TestAudience:
    def test_the_audience_of_aws_in_the_flag_is_a_warning_with_the_reason(self):
        fault = only_fault(check(sound(flagz=fake.flagz(audiences=f"{OLD},sts.amazonaws.com"))))
        assert (fault.id, fault.status) == ("apiserver-audience", "warning")
        assert "credential for the Kubernetes API" in fault.cause and "--api-audiences" in fault.remedy

    def test_other_audiences_of_tokens_count_as_well(self):
        api = sound(flagz=fake.flagz(audiences="vault"))
        assert statuses(check(api))["apiserver-audience"] == "ok"
        assert only_fault(check(api, audiences=["vault"])).id == "apiserver-audience"

    @pytest.mark.parametrize(("reviews", "status"), [(fake.review, "warning"), (fake.refusal, "ok")])
    def test_without_the_flags_a_token_is_tried(self, reviews, status):
        api = sound(flagz=403, mirror_pods=403, reviews=reviews)
        assert statuses(check(api))["apiserver-audience"] == status
        assert api.posted[fake.REVIEWS]["spec"] == {"token": fake.token("one")}
        assert api.posted[fake.TOKEN]["spec"]["audiences"] == ["sts.amazonaws.com"]

    def test_a_token_is_tried_on_each_server_whose_flags_are_unknown(self):
        servers = [sound(f"10.0.0.{number}:6443", flagz=404, reviews=fake.refusal) for number in (1, 2, 3)]
        assert statuses(check(together(*servers)))["apiserver-audience"] == "ok"
        servers[1].answers[fake.TOKEN] = 403
        report = check(servers[0])
        assert statuses(report)["apiserver-audience"] == "skipped"
        assert "10.0.0.2:6443 answers POST" in seen(report, "apiserver-audience")
        servers[2].answers[fake.REVIEWS] = fake.review
        report = check(servers[0])
        assert statuses(report)["apiserver-audience"] == "warning"
        assert "a credential for API server '10.0.0.3:6443', too" in seen(report, "apiserver-audience")

    def test_without_flags_and_rights_it_is_left_open(self):
        report = check(sound(flagz=403, mirror_pods=403, token=403))
        assert statuses(report)["apiserver-audience"] == "skipped"
        assert "serviceaccounts/token" in seen(report, "apiserver-audience")


class TestLegacyTokens:
    def test_tokens_of_the_key_that_signs_pass_and_are_counted(self):
        report = check(sound(secrets=[fake.secret("b", "one"), fake.secret("a", "one")]))
        assert statuses(report)["legacy-tokens"] == "ok"
        assert "2 Secrets hold tokens without expiry: 'shop/a', 'shop/b'" in seen(report, "legacy-tokens")

    def test_tokens_of_a_key_that_no_longer_signs_are_a_warning(self):
        api = sound(secrets=[fake.secret("a", "two"), fake.secret("b", "one")], jwks={"keys": [KEY, OTHER_KEY]})
        fault = only_fault(check(api))
        assert (fault.id, fault.status) == ("legacy-tokens", "warning")
        assert "'shop/a'" in fault.seen and "shop/b" not in fault.seen and "/data/token" in fault.remedy

    def test_tokens_of_a_key_that_is_gone_are_a_warning(self):
        fault = only_fault(check(sound(secrets=[fake.secret("a", "three")])))
        assert fault.id == "legacy-tokens" and "no longer know the key of 1: 'shop/a'" in fault.seen

    def test_nobody_knows_which_key_signs_without_a_token(self):
        api = sound(secrets=[fake.secret("a", "two")], jwks={"keys": [KEY, OTHER_KEY]}, token=403)
        assert statuses(check(api))["legacy-tokens"] == "ok"

    @pytest.mark.parametrize("data", [None, {}, {"token": 5}, {"token": "!"}, {"token": "eA=="}, {"token": "/////w=="}])
    def test_a_secret_without_a_readable_token_passes(self, data):
        assert statuses(check(sound(secrets=[{"metadata": {}, "data": data}])))["legacy-tokens"] == "ok"

    def test_without_the_right_to_list_secrets_it_is_left_open(self):
        report = check(sound(secrets=403))
        assert statuses(report)["legacy-tokens"] == "skipped" and "list on secrets" in seen(report, "legacy-tokens")


class TestAnnotations:
    def accounts(self, *others):
        return sound(accounts=[fake.account("cart", ROLE, **{LABEL: "true"}), *others])

    @pytest.mark.parametrize(
        ("arn", "said"),
        [
            ("arn:aws:iam::1234:role/x", "is not the ARN of a role"),
            ("cart", "is not the ARN of a role: 'cart'"),
            ("arn:aws:iam::999988887777:role/x", "is in account '999988887777', the provider in 111122223333"),
        ],
    )
    def test_an_annotation_that_cannot_work_is_a_warning(self, arn, said):
        fault = only_fault(check(self.accounts(fake.account("wrong", arn, **{LABEL: "true"}))))
        assert (fault.id, fault.status) == ("account-annotation", "warning")
        assert said in fault.seen and "service account 'shop/wrong'" in fault.seen

    def test_the_account_of_another_store_has_the_form_of_the_providers(self):
        provider = FoundProvider("arn:aws:iam::RGW111:oidc-provider/x", {"client_ids": ["sts.amazonaws.com"]})
        accounts = [fake.account("cart", "arn:aws:iam::RGW111:role/cart", **{LABEL: "true"})]
        api = sound(accounts=accounts, pods=lambda body: [] if body is None else 403)
        assert statuses(check(api, provider=provider))["account-annotation"] == "ok"
        assert statuses(check(api))["account-annotation"] == "warning"

    def test_an_audience_that_the_provider_does_not_accept_is_a_warning(self):
        other = fake.account("other", ROLE, **{LABEL: "true"})
        other["metadata"]["annotations"]["eks.amazonaws.com/audience"] = "vault"
        fault = only_fault(check(self.accounts(other)))
        assert fault.id == "account-annotation" and "'vault'" in fault.seen and "irsa_issuer_audiences" in fault.remedy

    def test_an_account_that_the_policy_does_not_see_is_a_warning_with_the_command(self):
        fault = only_fault(check(self.accounts(fake.account("old", ROLE))))
        assert fault.id == "account-annotation" and f"The label {LABEL} is missing on" in fault.seen
        assert f"kubectl --namespace shop label serviceaccount old {LABEL}=true" in fault.remedy

    def test_labels_do_not_matter_where_a_webhook_injects(self):
        api = self.accounts(fake.account("old", ROLE))
        api.answers[fake.WEBHOOKS] = [fake_webhook.configuration()]
        assert statuses(check(api))["account-annotation"] == "ok"

    def test_an_unknown_provider_is_said_to_be_unknown(self):
        report = check(self.accounts(fake.account("other", "arn:aws:iam::999988887777:role/x", **{LABEL: "true"})))
        assert statuses(report)["account-annotation"] == "warning"
        report = check(self.accounts(), provider=UNKNOWN_PROVIDER)
        assert "were not compared with the provider" in seen(report, "account-annotation")

    def test_without_the_right_to_list_accounts_it_is_left_open_everywhere(self):
        report = check(sound(accounts=403))
        assert statuses(report)["account-annotation"] == "skipped"
        assert "the verb list on serviceaccounts" in seen(report, "account-annotation")
        assert statuses(report)["pods-without-credentials"] == "skipped"


def without_policy(**changes):
    api = sound(bindings=[], **changes)
    for name in ("irsa-inject", "irsa-label"):
        del api.answers[f"{fake.POLICIES}/{name}"]
    return api


def before_policies(address="10.0.0.1:6443", **changes):
    """A server of a Kubernetes release before 1.36, which does not know the kinds of our policies."""
    api = without_policy(**changes)
    api.address = address
    api.answers[fake.BINDINGS] = 404
    api.answers[fake.ADMISSION] = {"resources": [{"name": "mutatingwebhookconfigurations"}]}
    return api


def with_credentials_of_its_own(body):
    return [fake.pod("cart-1", fake.INJECTED)] if body is None else body


def no_new_pods(body):
    """Answer a user who may list pods and not create any."""
    return [] if body is None else (403, "user cannot create resource pods")


def admitted_as_it_is(body):
    return [] if body is None else body


class TestInjection:
    def test_neither_policy_nor_webhook_is_a_warning_if_an_account_has_a_role(self):
        fault = only_fault(check(without_policy(pods=admitted_as_it_is)))
        assert (fault.id, fault.status) == ("injection-present", "warning")
        assert "neither" in fault.seen and "'shop/cart'" in fault.seen and "irsa_injection" in fault.remedy

    def test_neither_passes_if_no_account_has_a_role_or_pods_bring_their_own(self):
        assert statuses(check(without_policy(accounts=[])))["injection-present"] == "ok"
        assert statuses(check(without_policy()))["injection-present"] == "ok"

    def test_before_policies_exist_neither_is_the_same(self):
        """Pods with volume and variables in their own specs are how such a cluster works without a webhook."""
        api = before_policies(pods=with_credentials_of_its_own)
        report = check(api)
        assert set(statuses(report).values()) == {"ok"}, report.text
        assert "brings its own credentials" in seen(report, "injection-present")
        assert fake.PODS not in api.posted
        fault = only_fault(check(before_policies(pods=admitted_as_it_is)))
        assert (fault.id, fault.status) == ("injection-present", "warning") and "neither" in fault.seen

    def test_before_policies_exist_the_webhook_is_found(self):
        assert statuses(check(before_policies(webhooks=[fake_webhook.configuration()])))["injection-present"] == "ok"

    def test_one_server_before_policies_exist_is_named(self):
        servers = [before_policies(pods=admitted_as_it_is), sound("10.0.0.2:6443")]
        fault = only_fault(check(together(*servers)))
        assert (fault.id, fault.status) == ("injection-present", "error")
        assert "got no credentials from API server '10.0.0.1:6443'." in fault.seen
        assert "is not served by API server '10.0.0.1:6443'" in fault.cause

    @pytest.mark.parametrize(
        ("pods", "status"), [(with_credentials_of_its_own, "skipped"), (admitted_as_it_is, "warning")]
    )
    def test_a_pod_without_credentials_is_no_error_where_nothing_is_known_to_inject(self, pods, status):
        report = check(sound(bindings=403, pods=pods))
        assert statuses(report)["injection-present"] == status
        for text in ("A dry-run pod of 'shop/cart' got no credentials", "the verb list on mutatingadmissionpolicyb"):
            assert text in seen(report, "injection-present")

    def test_a_pod_that_only_some_servers_inject_is_an_error_whatever_injects(self):
        servers = [sound(bindings=403, pods=with_credentials_of_its_own), sound("10.0.0.2:6443")]
        fault = next(each for each in check(together(*servers)).checks if each.id == "injection-present")
        assert fault.status == "error" and "from API server '10.0.0.1:6443'." in fault.seen

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"bindings": []}, "The policy irsa-inject has no binding"),
            (
                {"admission": {"resources": [{"name": "validatingadmissionpolicies"}]}},
                "is not served by API server '10.0.0.1:6443'",
            ),
            ({"pods": lambda body: [] if body is None else body}, "A dry-run pod of 'shop/cart' got no credentials"),
            ({"pods": lambda body: [] if body is None else (403, "policy 'irsa-inject' denied it")}, "denied it"),
        ],
    )
    def test_a_policy_that_does_not_inject_is_an_error(self, changes, said):
        report = check(sound(**changes))
        fault = next(each for each in report.checks if each.id == "injection-present")
        assert fault.status == "error" and said in fault.seen, fault

    def test_one_server_that_does_not_inject_is_named(self):
        other = sound("10.0.0.2:6443", pods=admitted_as_it_is)
        fault = only_fault(check(together(sound(), other)))
        assert fault.id == "injection-present" and "from API server '10.0.0.2:6443'." in fault.seen

    def test_a_policy_that_may_let_pods_through_is_a_warning(self):
        api = sound()
        api.answers[f"{fake.POLICIES}/irsa-inject"] = {"spec": {"failurePolicy": "Ignore"}}
        fault = only_fault(check(api))
        assert fault.status == "warning" and "failurePolicy of irsa-inject is Ignore" in fault.seen

    @pytest.mark.parametrize("answer", [404, {"spec": {}}])
    def test_a_missing_or_unbound_policy_for_labels_is_a_warning(self, answer):
        api = sound(bindings=[{"spec": {"policyName": "irsa-inject"}}])
        api.answers[f"{fake.POLICIES}/irsa-label"] = answer
        fault = only_fault(check(api))
        assert fault.status == "warning" and "irsa-label" in fault.seen

    @pytest.mark.parametrize(
        "configuration",
        [
            fake_webhook.configuration(),
            fake_webhook.configuration(name="iam-for-pods.amazonaws.com"),
            fake_webhook.configuration(
                name="x",
                objectSelector={"matchExpressions": [{"key": "eks.amazonaws.com/skip-pod-identity-webhook"}]},
            ),
        ],
    )
    def test_the_webhook_passes_if_a_pod_gets_credentials(self, configuration):
        report = check(without_policy(webhooks=[configuration]))
        assert statuses(report)["injection-present"] == "ok"
        assert "got them from the API server" in seen(report, "injection-present")

    @pytest.mark.parametrize(
        "configuration", [{}, {"webhooks": [{"name": "pod-identity", "rules": []}]}, {"webhooks": [{"rules": [{}]}]}]
    )
    def test_another_webhook_does_not_count(self, configuration):
        report = check(without_policy(webhooks=[configuration], pods=admitted_as_it_is))
        assert "neither" in seen(report, "injection-present")

    def test_without_the_right_to_create_pods_what_is_set_up_passes_unproven(self):
        report = check(sound(pods=no_new_pods))
        assert statuses(report)["injection-present"] == "ok"
        assert "could not be tried" in seen(report, "injection-present")
        assert "the verb create on pods in namespace shop" in seen(report, "injection-present")

    def test_a_sidecar_that_another_webhook_puts_first_does_not_matter(self):
        def with_sidecar(body):
            pod = fake.injected(body)
            pod["spec"]["containers"].insert(0, {"name": "istio-proxy"})
            return pod

        api = sound(pods=lambda body: [] if body is None else with_sidecar(body))
        assert statuses(check(api))["injection-present"] == "ok"

    def test_another_account_is_tried_if_a_quota_refuses_the_pod(self):
        accounts = [fake.account(name, ROLE, namespace=name, **{LABEL: "true"}) for name in ("a", "b")]
        api = sound(accounts=accounts)
        api.answers["/api/v1/namespaces/a/pods"] = lambda body: [] if body is None else (403, "exceeded quota")
        api.answers["/api/v1/namespaces/b/pods"] = lambda body: [] if body is None else fake.injected(body)
        assert "A dry-run pod of 'b/b' got them" in seen(check(api), "injection-present")

    def test_a_dry_run_proves_what_may_not_be_read(self):
        api = sound(bindings=403, webhooks=403)
        assert statuses(check(api))["injection-present"] == "ok"
        api = sound(bindings=403, webhooks=403, accounts=403)
        report = check(api)
        assert statuses(report)["injection-present"] == "skipped"
        assert "mutatingwebhookconfigurations" in seen(report, "injection-present")

    def test_the_pod_is_one_that_strict_namespaces_admit(self):
        api = sound()
        check(api)
        spec = api.posted[fake.PODS]["spec"]
        assert spec["serviceAccountName"] == "cart" and spec["securityContext"]["runAsNonRoot"]
        assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


class TestPods:
    def pods(self, *pods):
        return sound(pods=lambda body: list(pods) if body is None else fake.injected(body))

    def test_running_pods_without_credentials_are_a_warning_with_commands_and_data(self):
        report = check(self.pods(fake.pod("cart-1", fake.INJECTED), fake.pod("cart-2"), fake.pod("cart-3")))
        fault = only_fault(report)
        assert (fault.id, fault.status) == ("pods-without-credentials", "warning")
        assert "2 of 3 running pods" in fault.seen and "'shop/cart-2', 'shop/cart-3'" in fault.seen
        assert "kubectl --namespace shop delete pod cart-2; kubectl" in fault.remedy
        assert [pod["name"] for pod in fault.data["pods"]] == ["cart-2", "cart-3"]

    def test_only_the_first_pods_are_named_and_all_are_in_the_data(self):
        fault = only_fault(check(self.pods(*(fake.pod(f"cart-{number}") for number in range(100, 200)))))
        assert "and 90 more" in fault.seen and "and 90 more" in fault.remedy and len(fault.data["pods"]) == 100

    def test_the_age_of_pods_tells_the_cause(self):
        account = fake.account("cart", ROLE, **{LABEL: "true"})
        fields = {"f:metadata": {"f:annotations": {"f:eks.amazonaws.com/role-arn": {}}}}
        account["metadata"]["managedFields"] = [{"time": "2026-11-26T03:00:00Z", "fieldsV1": fields}]
        api = self.pods(fake.pod("a", created="2026-11-26T02:00:00Z"), fake.pod("b", created="2026-11-26T04:00:00Z"))
        api.answers[fake.ACCOUNTS] = [account]
        cause = only_fault(check(api)).cause
        assert "1 are older than the annotation" in cause and "1 are younger" in cause

    def test_without_injection_a_restart_would_not_help(self):
        report = check(without_policy(pods=lambda body: [fake.pod("cart-1")] if body is None else body))
        fault = next(each for each in report.checks if each.id == "pods-without-credentials")
        assert fault.remedy.startswith("Set up injection first")

    def test_without_the_right_to_list_pods_it_is_left_open(self):
        report = check(sound(pods=lambda body: 403 if body is None else fake.injected(body)))
        assert statuses(report)["pods-without-credentials"] == "skipped"
        assert "the verb list on pods in namespace shop" in seen(report, "pods-without-credentials")


def test_a_server_that_refuses_everything_leaves_everything_open():
    api = sound()
    api.answers = dict.fromkeys(api.answers, 403)
    report = check(api)
    assert set(statuses(report).values()) == {"skipped"}, report.text


# The client itself refuses what is no list where one is expected.
LISTS = (fake.MIRROR_PODS, fake.ACCOUNTS, fake.PODS, fake.BINDINGS, fake.WEBHOOKS, fake.SECRETS)


@pytest.mark.parametrize("odd", [{}, [], [5], {"items": 5}, None])
@pytest.mark.parametrize("path", [path for path in sound().answers if path != fake.ENDPOINTS])
def test_answers_of_any_shape_do_not_crash_a_check(path, odd):
    api = sound()
    api.answers[path] = [odd] if path in LISTS else odd
    check(api)
