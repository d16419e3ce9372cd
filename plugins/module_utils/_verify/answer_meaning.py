# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an answer means that is no document, and what to do. Imported only after such an answer."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE


class Meaning(t.NamedTuple):
    """The likely cause of an answer, and the remedy."""

    cause: str
    remedy: str


_PUBLISH = CATALOGUE["jwks-json"].remedy

_LOGIN = Meaning(
    "The host asks for a login. STS has none.",
    "Let anyone read both documents without a login; they hold nothing that is secret.",
)
_DENIED = Meaning(
    "Anonymous reads are denied: by the bucket, by a firewall or a filter against bots in front of the host, or "
    "because the host wants a login.",
    "Let anyone read both documents. For a bucket, run PROVISION. With AWS credentials, irsa_verify also "
    "finds the reason for its 403.",
)
# https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
_API_SERVER = Meaning(
    "An API server answers. It serves its documents only to those whom RBAC lets read them, and STS has no login.",
    "Publish the documents in a bucket: run PROVISION. Or, if the API server is to serve them on the internet, let "
    "anyone read them: `kubectl create clusterrolebinding issuer-discovery-for-anyone "
    "--clusterrole=system:service-account-issuer-discovery --group=system:unauthenticated`.",
)
_MISSING = Meaning(
    "Nothing is published at this address, or it is at another path, such as one without the prefix of the issuer.",
    f"{_PUBLISH} Check the path of the issuer (irsa_issuer_prefix).",
)
_TOO_MANY = Meaning(
    "The host limits how often it answers.",
    "Take both documents out of the limit: STS asks from many addresses, and asks only a few times.",
)
_FAILING = Meaning(
    "The host fails, or what stands in front of it: a proxy, a load balancer or a CDN.",
    "Look into the log of the host and of what stands in front of it. Verify again when it is well.",
)
_OTHER = Meaning(
    "The host answers with something other than the document.",
    "Have the host answer an anonymous GET with status 200 and the document.",
)
SLOW = Meaning(
    "The host, or what stands in front of it, is too slow. STS gives up after 5 seconds.",
    "Make the host answer faster. If only the way from here to the host is slow, allow more seconds with O(timeout).",
)
BROKEN_OFF = Meaning(
    "What answers on this port is no web server, or it or a proxy broke off in the middle of the answer.",
    "Check what listens on port 443 of the host, and its log. Check the proxy of this machine (HTTPS_PROXY, NO_PROXY).",
)
ENCODED = Meaning(
    "The document was uploaded with a Content-Encoding, or a web server or a CDN compresses it.",
    "Serve both documents as they are, without Content-Encoding. For a bucket, run PROVISION.",
)

_STATUS_OF_KUBERNETES = re.compile(rb'"kind"\s*:\s*"Status"')

_BY_STATUS = {401: _LOGIN, 403: _DENIED, 404: _MISSING, 407: _LOGIN, 410: _MISSING, 429: _TOO_MANY}


def of_answer(status: int, body: bytes) -> Meaning:
    """Return what a status other than 200 means."""
    if status in (401, 403) and _STATUS_OF_KUBERNETES.search(body[:1000]):
        return _API_SERVER
    return _BY_STATUS.get(status, _FAILING if status >= 500 or status == 408 else _OTHER)
