# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of an API server's calls to a webhook, by its metrics and by what it says of a pod that it refuses.

With failurePolicy Ignore, a call that fails leaves a trace in two places only: in the API server's log and in its
metrics. The metrics: staging/src/k8s.io/apiserver/pkg/admission/metrics/metrics.go in github.com/kubernetes/kubernetes.
"""

from __future__ import annotations

import functools
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_proof import MISSED, REFUSED
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_reading import Webhook
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import Answer, LiveCluster, asked

METRICS = "/metrics"

# Why a call failed: the certificate, the version of the answer, or something else; empty if that is unknown.
CERTIFICATE, VERSION, UNREACHED, UNKNOWN = "certificate", "version", "unreached", ""

# Of crypto/x509 and crypto/tls, and of VerifyAdmissionResponse in
# staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/request/admissionreview.go.
_CERTIFICATE = re.compile(r"x509: |tls: |failed to verify certificate")
_VERSION = re.compile(r"expected webhook response of")

_COUNTER = re.compile(
    r"apiserver_admission_webhook_(fail_open|rejection)_count\{(?P<labels>[^}]*)\} (?P<value>[0-9.e+]+)"
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Counts(t.NamedTuple):
    """Requests since an API server started whose call to the webhook failed: admitted without it, and refused."""

    admitted: int = 0
    refused: int = 0


class Failure(t.NamedTuple):
    """That calls fail: on which API servers, why, and what was said about it, if anything."""

    servers: tuple[str, ...]
    kind: str
    said: str = ""


class Calls:
    """The calls of a cluster's API servers to a webhook; ``counts`` is what each of them has counted."""

    def __init__(self, cluster: LiveCluster, webhook: Webhook) -> None:
        self._cluster = cluster
        self._webhook = webhook

        self.counts: dict[str, Answer[Counts]] = {}

    def count(self) -> None:
        """Read what each API server has counted, before the first dry-run pod of this run."""
        self.counts = {server.address: self._ask(server) for server in self._cluster.answering}

    @functools.cached_property
    def failure(self) -> Failure | None:
        """The calls that fail now, as far as dry-run pods show them."""
        proofs = self._cluster.proofs
        if proofs is None:
            return None
        for address in proofs.servers(REFUSED):
            said = proofs.by_server[address].said
            if f'failed calling webhook "{self._webhook.name}"' in said.replace("\\'", "'").replace('\\"', '"'):
                return Failure((address,), _kind_of(said), said)
        missed = [each for each in self._cluster.answering if each.address in proofs.servers(MISSED)]
        failing = [server.address for server in missed if self._has_risen(server, self.counts[server.address])]
        return Failure(tuple(failing), UNKNOWN) if failing else None

    def _has_risen(self, server: ApiServer, before: Answer[Counts]) -> bool:
        """Whether the dry-run pod, or another one meanwhile, was admitted without the webhook."""
        after = self._ask(server).value if before.value is not None else None
        return after is not None and before.value is not None and after.admitted > before.value.admitted

    def _ask(self, server: ApiServer) -> Answer[Counts]:
        return asked(lambda: counts_in(server.get_text(METRICS), self._webhook.name))


def counts_in(metrics: str, name: str) -> Counts:
    """Return the counts of a webhook in the metrics of an API server."""
    found = {"fail_open": 0, "rejection": 0}
    for match in _COUNTER.finditer(metrics):
        labels = dict(_LABEL.findall(match["labels"]))
        # A refusal without an error is a decision of the webhook.
        if labels.get("name") == name and labels.get("error_type") != "no_error":
            found[match[1]] += _number(match["value"])
    return Counts(found["fail_open"], found["rejection"])


def _number(text: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return 0


def _kind_of(said: str) -> str:
    if _VERSION.search(said):
        return VERSION
    return CERTIFICATE if _CERTIFICATE.search(said) else UNREACHED
