# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the role as a run: which of the ways to install, and the rules for all of them together."""

from __future__ import annotations

import dataclasses
import typing as t
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_host
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import (
    injection_run,
    manifest_file,
    removal,
    webhook_settings,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.patience import Patience
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.results import nothing_installed
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings, problems
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.steps import InjectionSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.object_names import is_namespace
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import usual_audience

PREFIX = "irsa_injection_"
_WEBHOOK = "webhook_"
_NO_REGION = (
    "irsa_injection_region is not set and the issuer does not tell a region, so pods get no AWS_REGION. SDKs then need "
    "a region from elsewhere."
)
Options = t.Mapping[str, t.Any]


def settings_of(options: Options) -> Settings:
    """Return what containers get. Raises IrsaError with all that is wrong."""
    settings = Settings(
        region=options["region"] or region_of(options["issuer"] or ""),
        audience=options["audience"] or usual_audience(options["issuer_audiences"]),
        expiration=options["expiration"],
        sts_regional_endpoints=options["sts_regional_endpoints"],
        mount_path=options["mount_path"],
        annotation_prefix=options["annotation_prefix"],
        guard=options["guard"],
        guard_exceptions=tuple(options["guard_exceptions"]),
    )
    found = [
        *problems(settings, PREFIX),
        *webhook_settings.problems(webhook_settings_of(options), PREFIX + _WEBHOOK),
        *_other_problems(options),
    ]
    if found:
        intro = "Invalid variables for role irsa_injection; nothing was changed."
        raise IrsaError("\n- ".join([intro, *found]))
    return settings


def webhook_settings_of(options: Options) -> WebhookSettings:
    """Return how the webhook runs, whether or not the rules for that are kept: ``settings_of`` says so."""
    given: dict[str, t.Any] = {
        field.name: options[_WEBHOOK + field.name] for field in dataclasses.fields(WebhookSettings)
    }
    given.update({name: tuple(each) for name, each in given.items() if isinstance(each, list)})
    return WebhookSettings(**given)


def region_of(issuer: str) -> str:
    """Return the region of the bucket that serves an issuer; an empty text if its host does not tell it."""
    try:
        host = parse_s3_host(urlsplit(issuer).hostname or "")
    except ValueError:
        return ""
    return host.region or "" if host else ""


def needs_cluster(options: Options) -> bool:
    """Whether the run asks API servers."""
    return not options["manifests_path"] and (options["method"] != "none" or options["state"] == "absent")


def run(options: Options, api: t.Any, *, check_mode: bool) -> dict[str, t.Any]:
    """Do what the options say and return the result; ``api`` is used if ``needs_cluster``. Raises IrsaError."""
    settings, webhook = settings_of(options), webhook_settings_of(options)
    method, folder, is_absent = options["method"], options["manifests_path"], options["state"] == "absent"
    if is_absent and folder:
        return manifest_file.remove(folder, check_mode=check_mode)
    if is_absent:
        return removal.remove(api, webhook, check_mode=check_mode)
    if method == "none":
        return nothing_installed("none", "irsa_injection_method is none")
    if folder:
        by_webhook = webhook if method == "webhook" else None
        result = manifest_file.write(folder, settings, by_webhook, check_mode=check_mode)
    else:
        spec = InjectionSpec(
            settings=settings,
            method=method,
            webhook=webhook,
            proof_namespace=options["proof_namespace"],
            patience=Patience(options["timeout"]),
        )
        result = injection_run.Installation(api, spec, check_mode=check_mode).run()
    return {**result, "warnings": [*result["warnings"], *([] if settings.region else [_NO_REGION])]}


def _other_problems(options: Options) -> t.Iterator[str]:
    if needs_cluster(options) and not options["kubeconfig"]:
        yield (
            "Set irsa_kubeconfig to the path of a kubeconfig on the controller, or irsa_manifests_path to a folder for "
            "the documents."
        )
    if options["manifests_path"] and options["method"] == "webhook" and options["webhook_certificates"] == "own":
        yield (
            f"{PREFIX}{_WEBHOOK}certificates must be cert_manager with irsa_manifests_path: with own, the file would "
            "contain private keys."
        )
    if not is_namespace(options["proof_namespace"]):
        yield f"{PREFIX}proof_namespace must be the name of a namespace, not {quoted(options['proof_namespace'])}."
    unseen = [options["webhook_namespace"], *options["webhook_excluded_namespaces"]]
    if options["method"] in ("auto", "webhook") and options["proof_namespace"] in unseen:
        yield (
            f"{PREFIX}proof_namespace must be a namespace that the webhook looks at, not "
            f"{quoted(options['proof_namespace'])}: that is {PREFIX}{_WEBHOOK}namespace or one of "
            f"{PREFIX}{_WEBHOOK}excluded_namespaces."
        )
    if not 0 < options["timeout"] <= 3600:
        yield f"{PREFIX}timeout must be a number of seconds up to 3600, not {quoted(options['timeout'])}."
