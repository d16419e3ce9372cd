# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks in a cluster, on real API servers: what is really broken is found first, and nothing once it is mended.

The issuer is a web server on this machine, so an AWS account is not needed.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from cryptography.hazmat.primitives.asymmetric import rsa

from admission import webhook
from control_plane import ApiServer, NewApiServer
from endpoint import eventually, setting
from webhook_in_cluster import NOT_OWN_OR_SYSTEM, webhook_behind_service

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
OLD = "https://kubernetes.default.svc.cluster.local"
ROLE = "arn:aws:iam::111122223333:role/cart"
LABEL = "irsa.selfhosted.example/inject"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
BINDING = f"{ADMISSION}/mutatingadmissionpolicybindings/irsa-inject"
ACCOUNTS, PODS, SECRETS = (f"/api/v1/namespaces/shop/{kind}" for kind in ("serviceaccounts", "pods", "secrets"))
CLUSTER_IDS = {
    *("apiserver-issuer", "apiservers-agree", "signer-external", "apiserver-audience", "legacy-tokens"),
    *("cluster-issuer", "cluster-keys", "account-annotation", "pods-without-credentials"),
    *("injection-answers", "injection-certificate", "injection-review-versions", "injection-present"),
}

HEADERS: dict[str, Any] = {"Content-Type": "application/json", "Cache-Control": "no-cache"}


def verify(**options: Any) -> dict[str, Any]:
    """The result of irsa_verify, run in this process."""
    from ansible_collections.selfhosted.irsa.plugins.modules import irsa_verify  # noqa: PLC0415

    printed = io.StringIO()
    options = {"provider": "skip", "timeout": 60, "fail_on": "never", **options}
    with patch_module_args(options), contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        irsa_verify.main()
    assert "eyJ" not in printed.getvalue(), "a token is in the output"
    result: dict[str, Any] = json.loads(printed.getvalue())
    assert "checks" in result, result
    return result


def first(result: dict[str, Any]) -> str | None:
    """The id of the first error, or of the first warning if there is none."""
    found = [
        check["id"]
        for status in ("error", "warning")
        for check in result["checks"]
        # What another finding explains comes after it in every report.
        if check["status"] == status and not check["because"]
    ]
    return found[0] if found else None


def statuses(result: dict[str, Any]) -> dict[str, str]:
    return {check["id"]: check["status"] for check in result["checks"]}


def seen(result: dict[str, Any], check_id: str) -> str:
    return " ".join(check["seen"] for check in result["checks"] if check["id"] == check_id)


def signing_key(path: Path) -> Path:
    """A new key in a file, as kube-apiserver reads it."""
    subprocess.run(["openssl", "genrsa", "-out", str(path), "2048"], check=True, capture_output=True)
    return path


def flags(key: Path, *issuers: str) -> list[str]:
    return [
        *(f"--service-account-issuer={issuer}" for issuer in issuers),
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
    ]


@dataclass
class Rig:
    """An API server that signs for the issuer, with our policies and one service account with a role; and the issuer.

    ``created`` are the paths of what a test has made, which is removed after it.
    """

    api: ApiServer
    issuer: str
    key: Path
    options: dict[str, Any]
    folder: Path
    created: list[str] = field(default_factory=list)

    def make(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        status, body = self.api.ask(path, document)
        assert status in (200, 201), body
        made: dict[str, Any] = json.loads(body)
        self.created.append(f"{path}/{made['metadata']['name']}")
        return made

    def account(self, name: str, role_arn: str | None = ROLE, **labels: str) -> None:
        annotations = {"eks.amazonaws.com/role-arn": role_arn} if role_arn else {}
        metadata = {"namespace": "shop", "name": name, "annotations": annotations, "labels": labels}
        self.make(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})

    def pod(self, name: str, account: str, **metadata: Any) -> None:
        spec = {"serviceAccountName": account, "containers": [{"name": "main", "image": "none"}]}
        self.make(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec})

    def remove(self, path: str) -> None:
        # Without a kubelet, nothing else ends a pod that has a node.
        self.api.change("DELETE", f"{path}?gracePeriodSeconds=0")

    def verify(self, api: ApiServer | None = None, **options: Any) -> dict[str, Any]:
        return verify(**{**self.options, "kubeconfig": self.kubeconfig(api or self.api), **options})

    def kubeconfig(self, api: ApiServer) -> str:
        path = self.folder / f"kubeconfig-{api.url.rpartition(':')[2]}"
        api.write_kubeconfig(path)
        return str(path)


@pytest.fixture(scope="module")
def rig_of_module(new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    from ansible_collections.selfhosted.irsa.tests.unit.plugins import https_server as web  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("rig")
    issuer, key = f"https://{web.HOST}", signing_key(folder / "sa.key")
    host = web.HttpsServer(folder, [web.LEAF, web.INTERMEDIATE])
    bundle = folder / "ca.pem"
    bundle.write_bytes(web.ROOT.pem)
    try:
        with new_api_server(*flags(key, issuer, OLD)) as api:
            discovery = {**api.get("/.well-known/openid-configuration"), "jwks_uri": f"{issuer}/keys.json"}
            discovery["claims_supported"] = ["sub", "iss"]
            for path, document in (
                ("/.well-known/openid-configuration", discovery),
                ("/keys.json", api.get("/openid/v1/jwks")),
            ):
                body = json.dumps(document).encode()
                host.serve(path, body, **HEADERS)
            options = {"issuer": issuer, "connect_to": host.address, "ca_path": str(bundle)}
            rig = Rig(api, issuer, key, options, folder)
            set_up(rig)
            yield rig
    finally:
        host.stop()


def set_up(rig: Rig) -> None:
    """Creates a namespace, our policies and a service account with a role, and waits until pods get credentials."""
    from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import documents, settings  # noqa: PLC0415
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import kinds  # noqa: PLC0415

    rig.make("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    for document in documents.all_documents(settings.Settings(region="eu-west-1")):
        rig.make(kinds.KINDS[document["kind"]].list_path, document)
    rig.account("default", None)
    rig.account("cart", **{LABEL: "true"})
    rig.created.clear()

    def passes() -> None:
        result = rig.verify()
        assert result["verdict"] == "ok", result["report"]

    eventually(passes, AssertionError)


@pytest.fixture
def rig(rig_of_module: Rig) -> Iterator[Rig]:
    """The rig, which a test may break: what it creates is removed after it, and nothing is found then."""
    yield rig_of_module
    for path in reversed(rig_of_module.created):
        rig_of_module.remove(path)
    rig_of_module.created.clear()

    def mended() -> None:
        result = rig_of_module.verify()
        assert result["verdict"] == "ok", result["report"]

    eventually(mended, AssertionError)


def test_a_sound_cluster_passes_every_check(rig: Rig) -> None:
    result = rig.verify()
    assert {check_id for check_id, status in statuses(result).items() if status == "ok"} >= CLUSTER_IDS
    assert "A dry-run pod of 'shop/cart' got them" in seen(result, "injection-present")
    assert json.loads(rig.api.ask(PODS)[1])["items"] == []


# What the API servers run with


def test_an_api_server_that_does_not_sign_for_the_issuer_is_found_first(rig: Rig, new_api_server: NewApiServer) -> None:
    with new_api_server(*flags(rig.key, OLD, rig.issuer)) as api:
        result = rig.verify(api)
        assert first(result) == "apiserver-issuer" and "this issuer is accepted" in seen(result, "apiserver-issuer")
    with new_api_server(*flags(rig.key, OLD)) as api:
        result = rig.verify(api)
        assert first(result) == "apiserver-issuer" and "is not among" in seen(result, "apiserver-issuer")


def test_a_mirror_pod_shows_a_server_that_the_kubeconfig_does_not_reach(rig: Rig) -> None:
    mirror(rig, "node2", "--service-account-issuer=https://another.example.com")
    result = rig.verify()
    assert first(result) == "apiserver-issuer" and "'node2'" in seen(result, "apiserver-issuer")


def mirror(rig: Rig, node: str, *arguments: str) -> None:
    """The mirror pod of another API server, as a kubelet would write it."""
    container = {"name": "kube-apiserver", "image": "none", "command": ["kube-apiserver", *arguments]}
    metadata = {
        "name": f"kube-apiserver-{node}",
        "labels": {"component": "kube-apiserver"},
        "annotations": {"kubernetes.io/config.mirror": "0123", "kubernetes.io/config.hash": "0123"},
    }
    pods = "/api/v1/namespaces/kube-system/pods"
    spec = {"nodeName": node, "containers": [container]}
    rig.make(pods, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    rig.api.change("PATCH", f"{pods}/{metadata['name']}/status", {"status": {"hostIP": "192.0.2.7"}})


@pytest.mark.parametrize("same_key", [True, False])
def test_two_api_servers_are_compared(
    rig: Rig, new_api_server: NewApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, same_key: bool
) -> None:
    """Kubernetes keeps no loopback address in Endpoints, so the addresses come from here."""
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import (  # noqa: PLC0415
        ApiServer as Client,
    )
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import live_cluster  # noqa: PLC0415

    key = rig.key if same_key else signing_key(tmp_path / "other.key")
    with new_api_server(*flags(key, rig.issuer, OLD)) as second:
        both = [Client(rig.kubeconfig(api), 60) for api in (rig.api, second)]
        monkeypatch.setattr(live_cluster, "servers_of", lambda _api: both)

        def as_expected() -> None:
            result = rig.verify()
            if same_key:
                assert result["verdict"] == "ok", result["report"]
                assert "The 2 API servers" in seen(result, "apiservers-agree")
                assert "each of the 2 API servers" in seen(result, "injection-present")
            else:
                assert first(result) == "apiservers-agree", result["report"]
                assert second.url.removeprefix("https://") in seen(result, "apiservers-agree")

        # A server that has just become ready learns of policies and accounts in the next moment.
        eventually(as_expected, AssertionError)


def test_an_unpublished_key_beside_an_external_signer_is_found_first(
    rig: Rig, new_api_server: NewApiServer, tmp_path: Path
) -> None:
    mirror(rig, "node2", f"--service-account-issuer={rig.issuer}", "--service-account-signing-endpoint=/run/signer")
    result = rig.verify()
    assert first(result) is None and "/run/signer" in seen(result, "signer-external")
    new = signing_key(tmp_path / "new.key")
    with new_api_server(*flags(rig.key, rig.issuer), f"--service-account-key-file={new}") as api:
        result = rig.verify(api)
        assert first(result) == "signer-external", result["report"]


def test_the_audience_of_aws_among_those_of_the_api_server_is_found_by_flags_and_by_a_token(
    rig: Rig, new_api_server: NewApiServer
) -> None:
    audiences = f"--api-audiences={OLD},sts.amazonaws.com"
    with new_api_server(*flags(rig.key, rig.issuer), audiences) as api:
        assert first(rig.verify(api)) == "apiserver-audience"
        # Without /flagz and mirror pods, a token is tried.
        with rights(rig, api, lambda rule: "/flagz" not in rule.get("nonResourceURLs", [])) as kubeconfig:
            result = rig.verify(api, kubeconfig=kubeconfig)
            assert first(result) == "apiserver-audience", result["report"]
            assert "/flagz" in seen(result, "apiserver-issuer")


# Secrets, service accounts and pods


def test_a_legacy_token_of_a_key_that_is_gone_is_found_first(rig: Rig) -> None:
    token = jwt.encode({"sub": "x"}, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": "gone"})
    metadata = {"name": "ci", "annotations": {"kubernetes.io/service-account.name": "cart"}}
    data = {"token": base64.b64encode(token.encode()).decode()}
    kind = "kubernetes.io/service-account-token"
    rig.make(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data})
    result = rig.verify()
    assert first(result) == "legacy-tokens" and "'shop/ci'" in seen(result, "legacy-tokens")
    assert token not in json.dumps(result)


def test_a_legacy_token_of_the_key_that_signs_is_only_counted(rig: Rig) -> None:
    kid = json.loads(rig.api.ask("/openid/v1/jwks")[1])["keys"][0]["kid"]
    token = jwt.encode({"sub": "x"}, rig.key.read_bytes(), "RS256", headers={"kid": kid})
    metadata = {"name": "ci", "annotations": {"kubernetes.io/service-account.name": "cart"}}
    data = {"token": base64.b64encode(token.encode()).decode()}
    kind = "kubernetes.io/service-account-token"
    rig.make(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data})
    result = rig.verify()
    assert result["verdict"] == "ok" and "1 Secret holds a token" in seen(result, "legacy-tokens")


def test_an_annotation_that_is_not_an_arn_is_found_first(rig: Rig) -> None:
    rig.account("mail", "arn:aws:iam::ACCOUNT:role/mail")
    result = rig.verify()
    assert first(result) == "account-annotation" and "'shop/mail'" in seen(result, "account-annotation")


def test_an_account_that_is_older_than_the_policies_is_found_first(rig: Rig) -> None:
    removed = [rig.api.get(f"{ADMISSION}/mutatingadmissionpolicybindings/irsa-label")]
    rig.remove(f"{ADMISSION}/mutatingadmissionpolicybindings/irsa-label")

    def unlabelled() -> None:
        rig.account("old")
        if LABEL in rig.api.get(f"{ACCOUNTS}/old")["metadata"].get("labels", {}):
            rig.remove(rig.created.pop())
            raise AssertionError("the policy is still active")

    eventually(unlabelled, AssertionError)
    put_back(rig, "mutatingadmissionpolicybindings", removed[0])
    result = rig.verify()
    assert first(result) == "account-annotation" and LABEL in seen(result, "account-annotation")


def put_back(rig: Rig, kind: str, document: dict[str, Any]) -> None:
    """Creates again what was removed, to stay."""
    metadata = {name: document["metadata"][name] for name in ("name", "labels") if name in document["metadata"]}
    rig.make(f"{ADMISSION}/{kind}", {**document, "metadata": metadata})
    rig.created.pop()


@pytest.mark.parametrize("kind", ["mutatingadmissionpolicybindings", "mutatingadmissionpolicies"])
def test_injection_that_was_taken_away_is_found_first(rig: Rig, kind: str) -> None:
    document = rig.api.get(f"{ADMISSION}/{kind}/irsa-inject")
    rig.remove(f"{ADMISSION}/{kind}/irsa-inject")

    def found() -> None:
        result = rig.verify()
        assert first(result) == "injection-present", result["report"]
        status = "error" if kind.endswith("bindings") else "warning"
        assert statuses(result)["injection-present"] == status

    try:
        eventually(found, AssertionError)
    finally:
        put_back(rig, kind, document)


def test_an_api_server_that_does_not_know_policies_may_have_pods_with_credentials_of_their_own(
    rig: Rig, new_api_server: NewApiServer
) -> None:
    """As before Kubernetes 1.36."""
    kinds = ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings")
    without = ",".join(f"admissionregistration.k8s.io/v1/{kind}=false" for kind in kinds)
    old = ["--disable-admission-plugins=MutatingAdmissionPolicy", f"--runtime-config={without}"]
    with new_api_server(*flags(rig.key, rig.issuer, OLD), *old) as api:
        assert api.ask(f"{ADMISSION}/{kinds[1]}")[0] == 404
        result = rig.verify(api)
        assert first(result) == "injection-present" and statuses(result)["injection-present"] == "warning"
        rig.pod("cart-1", "cart")
        result = rig.verify(api)
        assert result["verdict"] == "ok", result["report"]
        assert "brings its own credentials" in seen(result, "injection-present")


def webhook_builds() -> list[Path]:
    builds = setting("IRSA_E2E_WEBHOOKS", "builds of the EKS pod identity webhook, separated by colons")
    return [Path(build) for build in builds.split(":")]


@contextlib.contextmanager
def without_policy(rig: Rig) -> Iterator[None]:
    """The rig without the policy that injects."""
    kinds = ("mutatingadmissionpolicybindings", "mutatingadmissionpolicies")
    removed = {kind: rig.api.get(f"{ADMISSION}/{kind}/irsa-inject") for kind in kinds}
    for kind in kinds:
        rig.remove(f"{ADMISSION}/{kind}/irsa-inject")
    try:
        yield
    finally:
        for kind in kinds:
            put_back(rig, kind, removed[kind])


def test_a_webhook_that_cannot_read_its_reviews_is_found_first(rig: Rig, tmp_path: Path) -> None:
    """Releases up to v0.6.17 answer v1beta1 only. With failurePolicy Ignore, pods then start without credentials."""
    with without_policy(rig):
        for number, build in enumerate(webhook_builds()):
            with webhook(build, rig.api, tmp_path / str(number)):
                check_webhook(rig, is_release="0.6.17" in str(build))


def check_webhook(rig: Rig, *, is_release: bool) -> None:
    path = f"{ADMISSION}/mutatingwebhookconfigurations/pod-identity-webhook"

    def by_the_webhook() -> None:
        result = rig.verify()
        # It fails closed, and leaves no namespace out.
        assert first(result) == "injection-answers" and "'kube-system'" in seen(result, "injection-answers")
        assert result["verdict"] == "degraded", result["report"]
        assert seen(result, "injection-present").startswith("The webhook pod-identity-webhook.amazonaws.com")

    eventually(by_the_webhook, AssertionError)
    set_webhook(rig, path, failurePolicy="Ignore")
    becomes(rig, "ok")
    set_webhook(rig, path, admissionReviewVersions=["v1", "v1beta1"])
    if not is_release:
        becomes(rig, "ok")
        return

    def found() -> None:
        result = rig.verify()
        assert (result["diagnosis"] or "").startswith(seen(result, "injection-review-versions")), result["report"]
        because = {check["id"]: check["because"] for check in result["checks"] if check["because"]}
        # A URL does not tell what runs there. That calls fail is shown by the API server's own count.
        assert because == dict.fromkeys(["injection-answers", "injection-present"], "injection-review-versions")

    eventually(found, AssertionError)
    set_webhook(rig, path, failurePolicy="Fail")
    # Now the API server says why.
    becomes(rig, "injection-review-versions", "expected webhook response of admission.k8s.io/v1")


def set_webhook(rig: Rig, path: str, **members: Any) -> None:
    webhooks = rig.api.get(path)["webhooks"]
    webhooks[0].update(members)
    rig.api.change("PATCH", path, {"webhooks": webhooks})


def becomes(rig: Rig, check_id: str, text: str = "", *, api: ApiServer | None = None) -> None:
    """Waits until a check is what is found first, with a text; or until there is no finding, for the id ok."""

    def found() -> None:
        result = rig.verify(api)
        if check_id == "ok":
            assert result["verdict"] == "ok", result["report"]
        else:
            assert first(result) == check_id and text in seen(result, check_id), result["report"]

    eventually(found, AssertionError)


def test_each_fault_of_a_webhook_behind_a_service_is_found_first(
    rig: Rig, new_api_server: NewApiServer, tmp_path: Path
) -> None:
    """The API server goes to endpoints itself, since nothing here serves the addresses of Services. Its service proxy
    leads nowhere without pods, so that it is the count of failed calls that shows a webhook that was killed.
    """
    more = [*flags(rig.key, rig.issuer, OLD), "--enable-aggregator-routing=true"]
    for number, build in enumerate(webhook_builds()):
        folder = tmp_path / str(number)
        with without_policy(rig), new_api_server(*more) as api, webhook_behind_service(build, api, folder) as behind:
            release = "0.6.17" in str(build)
            becomes(rig, "ok", api=api)
            assert seen(rig.verify(api), "injection-certificate").endswith("UTC.")
            behind.set(admissionReviewVersions=["v1", "v1beta1"])
            becomes(rig, "injection-review-versions" if release else "ok", "v0.6.17' does not answer", api=api)
            behind.set(admissionReviewVersions=["v1beta1", "v1"], clientConfig=behind.client_config(behind.other_ca))
            becomes(rig, "injection-certificate", "is not signed by the caBundle", api=api)
            behind.set(failurePolicy="Fail", namespaceSelector=NOT_OWN_OR_SYSTEM)
            becomes(rig, "injection-certificate", "x509: certificate signed by unknown authority", api=api)
            behind.set(clientConfig=behind.client_config(behind.ca))
            becomes(rig, "ok", api=api)
            behind.set(failurePolicy="Ignore")
            behind.kill()
            becomes(rig, "injection-answers", "rose with a dry-run pod", api=api)
            assert "pods without it" in seen(rig.verify(api), "injection-answers")
            behind.end()
            becomes(rig, "injection-answers", "no endpoint that is ready", api=api)


def test_a_policy_that_fails_is_found_first(rig: Rig) -> None:
    """The API server accepts an unknown field, and refuses every pod of an account with a role then."""
    path = f"{ADMISSION}/mutatingadmissionpolicies/irsa-inject"
    sound = rig.api.get(path)
    variables = [{**each, "expression": "params.metadata.nothing"} for each in sound["spec"]["variables"]]
    rig.api.change("PATCH", path, {"spec": {"variables": variables}})

    def refused() -> None:
        result = rig.verify()
        assert first(result) == "injection-present" and statuses(result)["injection-present"] == "error"
        assert "irsa-inject" in seen(result, "injection-present")

    try:
        eventually(refused, AssertionError)
    finally:
        rig.api.change("PATCH", path, {"spec": {"variables": sound["spec"]["variables"]}})


def test_a_pod_that_is_older_than_its_role_is_found_first_with_the_command(rig: Rig) -> None:
    rig.account("mail", None)
    # An API server takes any name of an owner.
    owner = {"kind": "Deployment", "name": "x; id #", "uid": "0", "controller": True}
    for number, version in enumerate(["evil.example.com/v1", "apps/v1"], 1):
        rig.pod(f"mail-{number}", "mail", ownerReferences=[{**owner, "apiVersion": version}])
    rig.pod("cart-1", "cart")
    annotations = {"eks.amazonaws.com/role-arn": ROLE}
    rig.api.change("PATCH", f"{ACCOUNTS}/mail", {"metadata": {"annotations": annotations}})
    result = rig.verify()
    assert first(result) == "pods-without-credentials", result["report"]
    assert "2 of 3 running pods" in seen(result, "pods-without-credentials")
    (check,) = (each for each in result["checks"] if each["id"] == "pods-without-credentials")
    commands = [f"kubectl --namespace shop delete pod mail-{number}" for number in (1, 2)]
    assert f"{'; '.join(commands)}." in check["remedy"]
    pods = check["data"]["pods"]
    assert [pod["restart"] for pod in pods] == commands
    # Timestamps are in seconds, and these pods are at most a second older.
    assert [(pod["service_account"], pod["containers"]) for pod in pods] == [("mail", ["main"])] * 2


# Rights


def documented_rules() -> list[dict[str, Any]]:
    """The rules of the ClusterRole on the page about permissions."""
    [text] = [block for block in PAGE.read_text(encoding="utf-8").split("```yaml\n") if "name: irsa-verify" in block]
    rules: list[dict[str, Any]] = yaml.safe_load(text.split("```")[0])["rules"]
    return rules


@contextlib.contextmanager
def rights(rig: Rig, api: ApiServer, keep: Callable[[dict[str, Any]], bool]) -> Iterator[str]:
    """A kubeconfig whose user has the documented rights, as far as they are to be kept."""
    group = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "irsa-verify"}}
    path = "/apis/rbac.authorization.k8s.io/v1"
    rules = [rule for rule in documented_rules() if keep(rule)]
    status, body = api.ask(f"{path}/clusterroles", {**group, "kind": "ClusterRole", "rules": rules})
    assert status == 201, body
    subject = {"kind": "ServiceAccount", "namespace": "shop", "name": "verifier"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "irsa-verify"}
    binding = {**group, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]}
    status, body = api.ask(f"{path}/clusterrolebindings", binding)
    assert status == 201, body
    kubeconfig = rig.folder / "kubeconfig-of-the-verifier"
    api.write_kubeconfig(kubeconfig)
    config = json.loads(kubeconfig.read_text(encoding="utf-8"))
    # The issuer is an audience of the API server unless it has others.
    audience = rig.issuer if api is rig.api else OLD
    config["users"][0]["user"]["token"] = api.token("shop", "verifier", audience)
    kubeconfig.write_text(json.dumps(config), encoding="utf-8")
    try:
        yield str(kubeconfig)
    finally:
        kubeconfig.unlink()
        for kind in ("clusterroles", "clusterrolebindings"):
            api.change("DELETE", f"{path}/{kind}/irsa-verify")
        api.change("DELETE", f"{ACCOUNTS}/verifier")


def test_the_documented_rights_are_enough_for_every_check(rig: Rig) -> None:
    with rights(rig, rig.api, lambda _rule: True) as kubeconfig:

        def passes() -> None:
            result = rig.verify(kubeconfig=kubeconfig)
            passed = {check_id for check_id, status in statuses(result).items() if status == "ok"}
            assert passed >= CLUSTER_IDS, result["report"]
            assert "A dry-run pod of 'shop/cart' got them" in seen(result, "injection-present")

        eventually(passes, AssertionError)


def test_without_rights_every_check_is_skipped_and_names_the_right(rig: Rig) -> None:
    with rights(rig, rig.api, lambda _rule: False) as kubeconfig:
        result = rig.verify(kubeconfig=kubeconfig)
        skipped = {check_id for check_id, status in statuses(result).items() if status == "skipped"}
        assert skipped >= CLUSTER_IDS - {"cluster-issuer", "cluster-keys"}, result["report"]
        for check_id in skipped & CLUSTER_IDS:
            assert "needs the" in seen(result, check_id), seen(result, check_id)
        assert result["verdict"] == "ok"
