# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of an EKS pod identity webhook: each fault once, and what is said without rights."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import live_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.provider_checks import FoundProvider
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_checks import IDS
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_versions import release_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins import fake_cluster as fake
from ansible_collections.selfhosted.irsa.tests.unit.plugins import fake_webhook as hook
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import faults, only_fault, statuses
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import DAY, NOW, ROOT, certify

ANSWERS, CERTIFICATE, VERSIONS = IDS
PRESENT, PODS = "injection-present", "pods-without-credentials"
OTHER_ROOT = certify("Another CA")


def check(api):
    """The report of the checks of pods. The private key of the webhook may not appear in it."""
    report = Report()
    context = Context(report=report, issuer=fake.ISSUER, identity=Identity(), published=(fake.KEY,))
    live_checks.check_pods(context, LiveCluster(api), FoundProvider(None, None))
    assert "VEhFIFBSSVZBVEUgS0VZ" not in str(report.checks) and "PRIVATE" not in str(report.checks)
    return report


def seen(report, check_id):
    return " ".join(each.seen for each in report.checks if each.id == check_id)


def finding(report, check_id):
    (found,) = (each for each in faults(report) if each.id == check_id)
    return found


def missed(body):
    """Admit pods without credentials, and list none."""
    return [] if body is None else body


def calling_fails(why):
    """Refuse pods as kube-apiserver does if a call to a webhook with failurePolicy Fail fails."""
    return lambda body: (
        [] if body is None else (500, f'Internal error occurred: failed calling webhook "{hook.NAME}": {why}')
    )


def no_new_pods(body):
    return [] if body is None else (403, "user cannot create resource pods")


def configured(**changes):
    return {"webhooks": [hook.configuration(**changes)]}


def test_a_sound_webhook_passes_every_check_with_few_requests():
    api = hook.with_webhook()
    report = check(api)
    assert set(statuses(report).values()) == {"ok"}, report.text
    of_the_webhook = [each for each in api.requests if hook.NAMESPACE in each or hook.METRICS in each]
    assert len(of_the_webhook) == len(set(of_the_webhook)) == 5
    # A dry-run pod shows that API servers reach it.
    assert f"GET {hook.HEALTHZ}" not in api.requests


@pytest.mark.parametrize("api", [fake.sound(), fake.sound(accounts=[])])
def test_without_a_webhook_nothing_is_asked_about_one(api):
    report = check(api)
    assert {statuses(report)[check_id] for check_id in IDS} == {"ok"}
    assert "irsa-inject answers inside the API servers" in seen(report, ANSWERS)
    assert not [each for each in api.requests if "services" in each or "metrics" in each or "deployments" in each]


def test_without_the_right_to_list_webhooks_all_three_are_left_open():
    report = check(fake.sound(webhooks=403))
    assert {statuses(report)[check_id] for check_id in IDS} == {"skipped"}
    assert "the verb list on mutatingwebhookconfigurations" in seen(report, VERSIONS)


def not_in(*namespaces):
    return {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": list(namespaces)}


class TestAnswers:
    def pod(self, **state):
        status = {"name": "webhook", "ready": False, "state": state}
        metadata = {"namespace": hook.NAMESPACE, "name": "webhook-1"}
        return {"metadata": metadata, "status": {"phase": "Pending", "containerStatuses": [status]}}

    def down(self, **changes):
        """A cluster in which no pod of the webhook is ready."""
        deployment = hook.deployment(ready=0)
        return {"pods": missed, "slices": hook.slices(False), "deployments": [deployment], **changes}

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"service": 404}, "the Service aws/pod-identity-webhook does not exist"),
            ({"service": {"spec": {"ports": [{"port": 8443}]}}}, "has no port 443"),
            ({"slices": []}, "no endpoint that is ready: it has no pods"),
            ({"deployments": [hook.deployment(ready=0, replicas=0)], "slices": []}, "its Deployment has 0 replicas"),
            ({"own_pods": 403}, "the verb list on pods in namespace aws"),
        ],
    )
    def test_what_is_missing_is_an_error_and_the_reason_why_pods_get_nothing(self, changes, said):
        report = check(hook.with_webhook(**self.down(**changes)))
        fault = finding(report, ANSWERS)
        assert fault.status == "error" and said in fault.seen and "failurePolicy Ignore" in fault.seen
        assert finding(report, PRESENT).because == ANSWERS
        assert report.diagnosis.startswith(fault.seen)

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            ({"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}, "ImagePullBackOff ('not found')"),
            ({"waiting": {"reason": "CrashLoopBackOff"}}, "CrashLoopBackOff"),
            ({"terminated": {"exitCode": 1}}, "it ended with exit code 1"),
            ({"running": {}}, "its probe does not find it ready"),
        ],
    )
    def test_what_keeps_a_pod_from_running_is_said_by_its_name(self, state, said):
        report = check(hook.with_webhook(**self.down(own_pods=[self.pod(**state)])))
        assert "pod webhook-1" in seen(report, ANSWERS) and said in seen(report, ANSWERS)

    def test_a_pod_without_a_node_and_a_quota_are_named(self):
        condition = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
        pod = {"metadata": {"name": "webhook-1"}, "status": {"phase": "Pending", "conditions": [condition]}}
        report = check(hook.with_webhook(**self.down(own_pods=[pod])))
        assert "pod webhook-1 has no node: '0/3 nodes are available'" in seen(report, ANSWERS)
        deployment = hook.deployment(ready=0)
        message = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
        deployment["status"]["conditions"] = [message]
        report = check(hook.with_webhook(**self.down(deployments=[deployment])))
        assert "cannot create pods: 'exceeded quota'" in seen(report, ANSWERS)

    def test_fewer_replicas_than_there_should_be_are_a_warning(self):
        pod = self.pod(waiting={"reason": "ErrImagePull"})
        fault = only_fault(check(hook.with_webhook(deployments=[hook.deployment(ready=1)], own_pods=[pod])))
        assert (fault.id, fault.status) == (ANSWERS, "warning")
        assert "1 of 2 are ready: pod webhook-1 waits: ErrImagePull" in fault.seen

    def test_a_server_that_does_not_reach_it_is_named(self):
        refusal = (503, "error trying to reach service: dial tcp 10.1.2.3:8443: connect: connection refused")
        servers = [hook.with_webhook(), hook.with_webhook("10.0.0.2:6443", pods=missed, healthz=refusal)]
        report = check(fake.together(*servers))
        fault = finding(report, ANSWERS)
        assert fault.status == "error" and "API server '10.0.0.2:6443' cannot reach it" in fault.seen
        assert "connection refused" in fault.seen and finding(report, PRESENT).because == ANSWERS

    def test_an_answer_of_any_kind_shows_that_it_is_reached(self):
        report = check(hook.with_webhook(pods=no_new_pods, healthz=(404, "page not found")))
        assert statuses(report)[ANSWERS] == "ok"

    def test_a_count_that_rises_with_the_dry_run_shows_that_calls_fail(self):
        counts = iter([hook.metrics(4), hook.metrics(5)])
        report = check(hook.with_webhook(pods=missed, metrics=lambda _body: next(counts)))
        fault = finding(report, ANSWERS)
        assert fault.status == "error" and "the count of pods that were admitted without it rose" in fault.seen

    def test_a_refusal_that_names_the_webhook_is_quoted_once(self):
        refusal = calling_fails("Post https://x: dial tcp 10.1.2.3:8443: connect: connection refused")
        report = check(hook.with_webhook(pods=refusal, **configured(failurePolicy="Fail")))
        assert "connection refused" in finding(report, ANSWERS).seen and "failurePolicy Fail" in seen(report, ANSWERS)
        assert finding(report, PRESENT).because == ANSWERS and "connection refused" not in seen(report, PRESENT)

    def test_what_api_servers_have_counted_is_said_and_is_no_finding(self):
        servers = [hook.with_webhook(metrics=hook.metrics(3, 2)), hook.with_webhook("10.0.0.2:6443")]
        report = check(fake.together(*servers))
        assert statuses(report)[ANSWERS] == "ok"
        assert "'10.0.0.1:6443' has admitted 3 pods without it and refused 2" in seen(report, ANSWERS)
        assert "10.0.0.2" not in seen(report, ANSWERS) and PODS in seen(report, ANSWERS)

    def test_pods_that_lack_credentials_point_to_what_must_be_mended_first(self):
        def listed(body):
            return [fake.pod("cart-1")] if body is None else body

        report = check(hook.with_webhook(**self.down(pods=listed)))
        assert finding(report, PODS).remedy.startswith(f"Follow the remedy of {ANSWERS} first, then restart them: ")

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({}, "'aws', 'kube-system'"),
            ({"namespaceSelector": {"matchExpressions": [not_in("aws", "kube-system")]}}, ""),
            ({"namespaceSelector": {"matchExpressions": [not_in("kube-system")]}}, "'aws'"),
            ({"namespaceSelector": {"matchLabels": {"irsa": "on"}}}, ""),
            ({"objectSelector": {"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]}}, "'kube-system'"),
            ({"matchConditions": [{"name": "x", "expression": "true"}]}, ""),
        ],
    )
    def test_a_webhook_that_fails_closed_and_leaves_nothing_out_is_a_warning(self, changes, said):
        report = check(hook.with_webhook(**configured(failurePolicy="Fail", **changes)))
        assert statuses(report)[ANSWERS] == ("warning" if said else "ok"), report.text
        assert said in seen(report, ANSWERS)

    def test_a_label_by_which_its_own_pods_opt_out_leaves_them_out(self):
        opt_out = {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}
        fault = only_fault(check(hook.with_webhook(**configured(failurePolicy="Fail", objectSelector=opt_out))))
        assert "'kube-system'" in fault.seen and "'aws'" not in fault.seen

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"service": 403}, "the verb get on services in namespace aws"),
            ({"slices": 403}, "the verb list on endpointslices of the API group discovery.k8s.io in namespace aws"),
            ({"healthz": 403}, "the verb get on services/proxy in namespace aws"),
        ],
    )
    def test_without_rights_and_without_a_dry_run_it_is_left_open(self, changes, said):
        report = check(hook.with_webhook(pods=no_new_pods, **{"healthz": 403, **changes}))
        assert statuses(report)[ANSWERS] == "skipped" and said in seen(report, ANSWERS)

    def test_without_the_right_to_read_metrics_it_is_said_that_the_count_is_unknown(self):
        report = check(hook.with_webhook(metrics=403))
        assert statuses(report)[ANSWERS] == "ok"
        assert "the verb get on the non-resource URL /metrics" in seen(report, ANSWERS)

    def test_a_webhook_at_a_url_is_judged_by_the_dry_run(self):
        at_url = configured(clientConfig={"url": "https://127.0.0.1:9443/mutate", "caBundle": hook.encoded(ROOT)})
        assert statuses(check(hook.with_webhook(**at_url)))[ANSWERS] == "ok"
        report = check(hook.with_webhook(pods=no_new_pods, **at_url))
        assert statuses(report)[ANSWERS] == "skipped" and "https://127.0.0.1:9443/mutate" in seen(report, ANSWERS)

    def test_where_a_policy_injects_as_well_a_dead_webhook_is_a_warning(self):
        api = hook.with_webhook(slices=[], bindings=[{"spec": {"policyName": "irsa-inject"}}])
        api.answers[f"{fake.POLICIES}/irsa-inject"] = {"spec": {"failurePolicy": "Fail"}}
        fault = only_fault(check(api))
        assert (fault.id, fault.status) == (ANSWERS, "warning") and "all the same" in fault.seen


def expired(name, issuer=None, hosts=()):
    return certify(name, issuer, hosts, valid=(NOW - 30 * DAY, NOW - DAY))


def late(name, issuer=None, hosts=()):
    return certify(name, issuer, hosts, valid=(NOW - 300 * DAY, NOW + 20 * DAY))


class TestCertificate:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            (configured(**hook.bundle()), "has no caBundle"),
            (configured(clientConfig={**hook.bundle()["clientConfig"], "caBundle": "eA=="}), "no certificate in PEM"),
            (configured(**hook.bundle(expired("Old CA"))), "is not valid now: CN=Old CA from"),
            (configured(**hook.bundle(OTHER_ROOT)), "is not signed by the caBundle, which has 'CN=Another CA'"),
            ({"tls_secret": hook.secret(expired("old", ROOT, [hook.HOST]))}, "is not valid now: CN=old"),
            (
                {"tls_secret": hook.secret(certify("w", ROOT, ["webhook.other.svc"]))},
                "is for 'webhook.other.svc', not for pod-identity-webhook.aws.svc",
            ),
            ({"tls_secret": {"data": {"tls.crt": "eA=="}}}, "cannot be used: it contains no certificate"),
        ],
    )
    def test_what_api_servers_cannot_trust_is_an_error_and_the_reason_why_pods_get_nothing(self, changes, said):
        report = check(hook.with_webhook(pods=missed, **changes))
        fault = finding(report, CERTIFICATE)
        assert fault.status == "error" and said in fault.seen, fault
        assert "log of kube-apiserver" in fault.cause
        assert finding(report, PRESENT).because == CERTIFICATE

    def test_the_clock_of_an_api_server_decides_what_is_valid(self):
        api = hook.with_webhook(pods=missed)
        api.ahead = datetime.timedelta(days=36500)
        assert "is not valid now" in finding(check(api), CERTIFICATE).seen

    def test_a_bundle_that_cert_manager_has_not_written_says_so(self):
        configuration = hook.configuration({"cert-manager.io/inject-ca-from": "aws/webhook"}, **hook.bundle())
        fault = finding(check(hook.with_webhook(webhooks=[configuration], pods=missed)), CERTIFICATE)
        assert (
            "'aws/webhook'" in fault.seen and "cainjector" in fault.cause and "cert-manager-cainjector" in fault.remedy
        )

    @pytest.mark.parametrize(
        "changes",
        [
            configured(**hook.bundle(expired("Old CA"), ROOT)),
            configured(**hook.bundle(OTHER_ROOT, ROOT)),
            configured(**hook.bundle(hook.LEAF)),
            {"tls_secret": hook.secret(certify("w", ROOT, ["*.aws.svc"]))},
        ],
    )
    def test_what_api_servers_trust_passes(self, changes):
        assert statuses(check(hook.with_webhook(pods=missed, **changes)))[CERTIFICATE] == "ok"

    def test_an_intermediate_certificate_is_followed(self):
        between = certify("Between", ROOT)
        chain = hook.secret(certify("w", between, [hook.HOST]), between)
        assert statuses(check(hook.with_webhook(tls_secret=chain)))[CERTIFICATE] == "ok"

    @pytest.mark.parametrize(
        "changes",
        [
            {"tls_secret": hook.secret(late("w", ROOT, [hook.HOST]))},
            {"tls_secret": 403, **configured(**hook.bundle(late("CA")))},
        ],
    )
    def test_a_renewal_that_is_late_is_a_warning(self, changes):
        fault = only_fault(check(hook.with_webhook(**changes)))
        assert (fault.id, fault.status) == (CERTIFICATE, "warning") and f"{NOW + 20 * DAY:%Y-%m-%d}" in fault.seen

    def test_a_short_life_is_no_late_renewal(self):
        short = certify("w", ROOT, [hook.HOST], valid=(NOW - DAY / 2, NOW + DAY / 2))
        assert statuses(check(hook.with_webhook(tls_secret=hook.secret(short))))[CERTIFICATE] == "ok"

    def test_without_the_right_to_read_the_secret_it_is_left_open_and_says_what_the_right_would_show(self):
        report = check(hook.with_webhook(tls_secret=403))
        assert statuses(report)[CERTIFICATE] == "skipped"
        for text in (
            "the verb get on secrets in namespace aws",
            "shows the private key as well",
            "API servers trust it",
        ):
            assert text in seen(report, CERTIFICATE)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"deployments": 403}, "the verb list on deployments of the API group apps in namespace aws"),
            ({"deployments": []}, "No Deployment in namespace 'aws'"),
            ({"tls_secret": 404}, "The Secret aws/webhook-tls does not exist"),
        ],
    )
    def test_a_certificate_that_cannot_be_found_is_left_open(self, changes, said):
        report = check(hook.with_webhook(**changes))
        assert statuses(report)[CERTIFICATE] == "skipped" and said in seen(report, CERTIFICATE)

    def test_what_an_api_server_says_about_the_certificate_is_believed(self):
        refusal = calling_fails("Post https://x: tls: failed to verify certificate: x509: unknown authority")
        report = check(hook.with_webhook(pods=refusal, tls_secret=403))
        assert "x509: unknown authority" in finding(report, CERTIFICATE).seen
        assert statuses(report)[ANSWERS] == "ok" and finding(report, PRESENT).because == CERTIFICATE
        assert str(report.checks).count("unknown authority") == 1

    def test_what_a_url_serves_is_known_to_api_servers_only(self):
        at_url = configured(clientConfig={"url": "https://127.0.0.1:9443/mutate", "caBundle": hook.encoded(ROOT)})
        report = check(hook.with_webhook(**at_url))
        assert statuses(report)[CERTIFICATE] == "skipped" and "known to API servers only" in seen(report, CERTIFICATE)


class TestReviewVersions:
    @pytest.mark.parametrize(
        ("image", "versions", "status"),
        [
            ("v0.6.17", ["v1", "v1beta1"], "error"),
            ("v0.4.0", ["v1"], "error"),
            ("v0.6.17@sha256:00", ["v2", "v1", "v1beta1"], "error"),
            ("v0.6.17", ["v1beta1", "v1"], "ok"),
            ("latest", ["v1beta1"], "ok"),
            ("v0.7.0", ["v1", "v1beta1"], "ok"),
            ("latest", ["v1", "v1beta1"], "warning"),
            ("v0.6.17-eksbuild.1", ["v1"], "warning"),
            ("v0.6.17", ["v3"], "skipped"),
        ],
    )
    def test_the_first_version_is_compared_with_the_release(self, image, versions, status):
        changes = configured(admissionReviewVersions=versions)
        deployments = [hook.deployment(f"{hook.IMAGE}:{image}")]
        report = check(hook.with_webhook(pods=missed, deployments=deployments, **changes))
        assert statuses(report)[VERSIONS] == status, report.text
        because = VERSIONS if status in ("error", "warning") else None
        assert finding(report, PRESENT).because == because
        if because:
            assert report.diagnosis.startswith(finding(report, VERSIONS).seen)

    def test_a_dry_run_shows_that_reviews_of_v1_are_answered(self):
        report = check(hook.with_webhook(**configured(admissionReviewVersions=["v1"])))
        assert statuses(report)[VERSIONS] == "ok"

    def test_without_the_image_it_is_a_warning_that_names_the_right(self):
        changes = configured(admissionReviewVersions=["v1"])
        fault = only_fault(check(hook.with_webhook(pods=no_new_pods, deployments=403, tls_secret=403, **changes)))
        assert (fault.id, fault.status) == (VERSIONS, "warning") and "the verb list on deployments" in fault.seen

    def test_what_an_api_server_says_about_an_answer_is_believed(self):
        why = (
            "received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview"
        )
        changes = configured(admissionReviewVersions=["v1"])
        report = check(hook.with_webhook(pods=calling_fails(why), deployments=[], **changes))
        assert finding(report, VERSIONS).status == "error" and "Kind=AdmissionReview" in seen(report, VERSIONS)
        assert statuses(report)[ANSWERS] == "ok" and finding(report, PRESENT).because == VERSIONS

    def test_calls_that_fail_for_no_reason_that_is_said_follow_from_what_is_found(self):
        counts = iter([hook.metrics(4), hook.metrics(5)])
        changes = configured(admissionReviewVersions=["v1"])
        api = hook.with_webhook(pods=missed, deployments=[], metrics=lambda _body: next(counts), **changes)
        report = check(api)
        assert finding(report, ANSWERS).because == finding(report, PRESENT).because == VERSIONS
        assert report.diagnosis.startswith(finding(report, VERSIONS).seen)


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("registry.example.com:5000/eks/amazon-eks-pod-identity-webhook:v0.6.17", (0, 6, 17)),
        ("amazon/amazon-eks-pod-identity-webhook:0.10.0@sha256:00", (0, 10, 0)),
        ("amazon/amazon-eks-pod-identity-webhook@sha256:00", None),
        ("example.com/other:v0.6.17", None),
        ("", None),
    ],
)
def test_an_image_tells_its_release_by_its_tag(image, release):
    assert release_of(image) == release


@pytest.mark.parametrize("odd", [{}, [], [5], {"spec": 5}, None, "x", {"spec": {"selector": {"a": [5]}}}])
@pytest.mark.parametrize("path", [*hook.PATHS, fake.WEBHOOKS])
def test_answers_of_any_shape_do_not_crash_a_check(path, odd):
    api = hook.with_webhook(pods=no_new_pods)
    is_list = path in (hook.SLICES, hook.DEPLOYMENTS, hook.OWN_PODS, fake.WEBHOOKS)
    api.answers[path] = [odd] if is_list else odd
    check(api)


def test_nothing_is_known_of_a_webhook_without_any_right_and_no_fault_is_found():
    api = hook.with_webhook(pods=no_new_pods)
    api.answers.update(dict.fromkeys(hook.PATHS, 403))
    report = check(api)
    assert not faults(report), report.text
    assert {statuses(report)[check_id] for check_id in (ANSWERS, CERTIFICATE)} == {"skipped"}
