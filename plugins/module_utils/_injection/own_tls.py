# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of a CA of our own: which are kept, which are renewed, and whom API servers trust meanwhile."""

from __future__ import annotations

import datetime

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import certificates, new_certificates
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.certificates import Pair
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.tls_state import OWN, Found, Tls, secret
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_documents import (
    CA_SECRET,
    NAME,
    TLS_SECRET,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings

_CERTIFICATE, _KEY = "tls.crt", "tls.key"
# All certificates that API servers are to trust, the CA's own first.
_BUNDLE = "ca.crt"
# By then, each kubelet has brought a new certificate to its pods, and the webhook, which looks for one, serves it.
_SERVED_AFTER = datetime.timedelta(hours=1)


def own_tls(webhook: WebhookSettings, found: Found, now: datetime.datetime) -> Tls:
    """Return the certificates of the own CA, those found as long as they are good.

    Whatever may be served, before this is written, after it or in between, is of a CA that the found and the new
    configuration trust, provided that it was of one that the found configuration trusts.
    """
    days = webhook.certificate_days
    kept, warnings = _found_authority(found, now)
    leaf, authority = None, kept
    if kept is not None:
        leaf, distrust = _found_leaf(found, kept, hosts=host_names(webhook), now=now)
        warnings += distrust
    is_kept = leaf is not None and not certificates.is_due(leaf, days, now)
    if authority is None or not (is_kept or certificates.outlives(authority, days, now)):
        authority = new_certificates.new_authority(NAME, days, now)
    if leaf is None or not is_kept:
        leaf = new_certificates.new_leaf(authority, NAME, hosts=host_names(webhook), days=days, now=now)
    is_served = is_kept and now - leaf.begins >= _SERVED_AFTER and found.serves_only(TLS_SECRET)
    bundle = _bundle(authority, found, now, with_earlier=not is_served)
    return Tls(
        kind=OWN,
        secret=TLS_SECRET,
        authority=[secret(webhook, CA_SECRET, {**_texts(authority), _BUNDLE: bundle})],
        leaf=[secret(webhook, TLS_SECRET, _texts(leaf))],
        ca_bundle=bundle,
        warnings=warnings,
        ca_ends=authority.ends,
        certificate_ends=leaf.ends,
    )


def host_names(webhook: WebhookSettings) -> list[str]:
    """Return the names by which API servers know the webhook.

    https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#service-reference
    """
    return [f"{NAME}.{webhook.namespace}.svc"]


def _found_authority(found: Found, now: datetime.datetime) -> tuple[Pair | None, list[str]]:
    """Return the CA that is there, or None, with a warning if it cannot be used."""
    if CA_SECRET not in found.secrets:
        return None, []
    pair = _pair(found, CA_SECRET)
    try:
        certificates.require_authority(pair, now)
    except Fault as fault:
        return None, [f"The CA in Secret {CA_SECRET} cannot be used: {fault}. A new one takes its place."]
    return pair, []


def _found_leaf(
    found: Found, authority: Pair, *, hosts: list[str], now: datetime.datetime
) -> tuple[Pair | None, list[str]]:
    """Return the certificate that is there, or None, with a warning unless a renewal of the CA explains it."""
    if TLS_SECRET not in found.secrets:
        return None, []
    pair = _pair(found, TLS_SECRET)
    try:
        certificates.require_leaf(pair, authority, hosts=hosts, now=now)
    except Fault as fault:
        if certificates.trusted(found.text(CA_SECRET, _BUNDLE), now)[1:]:
            return None, []
        return None, [f"The certificate in Secret {TLS_SECRET} cannot be used: {fault}. A new one takes its place."]
    return pair, []


def _bundle(authority: Pair, found: Found, now: datetime.datetime, *, with_earlier: bool) -> str:
    """Return the CA and, on demand, those that were trusted before it."""
    trusted = certificates.trusted(authority.certificate, now)[:1]
    if with_earlier:
        # The Secret has the earlier CA although the configuration is lost, and the reverse.
        earlier = (found.text(CA_SECRET, _CERTIFICATE), found.text(CA_SECRET, _BUNDLE), found.ca_bundle)
        trusted += certificates.trusted("\n".join(earlier), now)
    return "".join(dict.fromkeys(trusted))


def _pair(found: Found, name: str) -> Pair:
    return Pair(found.text(name, _CERTIFICATE), found.text(name, _KEY))


def _texts(pair: Pair) -> dict[str, str]:
    return {_CERTIFICATE: pair.certificate, _KEY: pair.key}
