# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of add-ons say the same things in the same order, and their Helm values are values of the charts.

The variable files are run in tests/integration/test_add_ons.py, and tests/e2e/test_add_ons.py has STS judge the roles.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from add_ons import BLOCKS, OVERVIEW, PAGES, VALUES, VARIABLES, needed, page_of, settings

HEADINGS = ["What it needs", "Variables", "Helm values", "Check", "Outside EKS", "Least permissions"]


class Chart(NamedTuple):
    """A chart, and those of its values that are set here."""

    name: str
    version: str
    values: set[str]


# Each value is in the values.yaml that the comment names. Any value may be below a path that ends in `.`.
CHARTS = {
    # https://github.com/kubernetes-sigs/external-dns, tag external-dns-helm-chart-1.21.1, charts/external-dns
    "external-dns": Chart(
        "external-dns",
        "1.21.1",
        {
            "serviceAccount.create",
            "serviceAccount.name",
            "provider.name",
            "policy",
            "txtOwnerId",
            "domainFilters",
            "extraArgs",
        },
    ),
    # https://github.com/cert-manager/cert-manager, tag v1.21.1, deploy/charts/cert-manager
    "cert-manager": Chart("cert-manager", "v1.21.1", {"serviceAccount.create", "serviceAccount.name", "crds.enabled"}),
    # https://github.com/vmware-tanzu/helm-charts, tag velero-12.1.0, charts/velero
    "velero": Chart(
        "velero",
        "12.1.0",
        {
            "serviceAccount.server.create",
            "serviceAccount.server.name",
            "credentials.useSecret",
            "initContainers",
            "snapshotsEnabled",
            "deployNodeAgent",
            "configuration.defaultVolumesToFsBackup",
            "configuration.backupStorageLocation[0].name",
            "configuration.backupStorageLocation[0].provider",
            "configuration.backupStorageLocation[0].bucket",
            "configuration.backupStorageLocation[0].config.",
        },
    ),
    # https://github.com/kubernetes-sigs/aws-ebs-csi-driver, tag helm-chart-aws-ebs-csi-driver-2.64.0,
    # charts/aws-ebs-csi-driver
    "ebs-csi-driver": Chart(
        "aws-ebs-csi-driver",
        "2.64.0",
        {
            "controller.serviceAccount.create",
            "controller.serviceAccount.name",
            "controller.k8sTagClusterId",
            "controller.region",
            "node.metadataSources",
        },
    ),
    # https://github.com/kubernetes-sigs/aws-load-balancer-controller, tag v3.5.0, helm/aws-load-balancer-controller
    "load-balancer-controller": Chart(
        "aws-load-balancer-controller",
        "3.5.0",
        {
            "serviceAccount.create",
            "serviceAccount.name",
            "enableShield",
            "enableWaf",
            "enableWafv2",
            "clusterName",
            "region",
            "vpcId",
        },
    ),
    # https://github.com/kubernetes/autoscaler, tag cluster-autoscaler-chart-9.59.0,
    # cluster-autoscaler/charts/cluster-autoscaler
    "cluster-autoscaler": Chart(
        "cluster-autoscaler",
        "9.59.0",
        {
            "cloudProvider",
            "rbac.serviceAccount.create",
            "rbac.serviceAccount.name",
            "autoDiscovery.clusterName",
            "awsRegion",
        },
    ),
    # https://github.com/external-secrets/external-secrets, tag helm-chart-2.9.0, deploy/charts/external-secrets
    "external-secrets": Chart("external-secrets", "2.9.0", {"serviceAccount.create", "serviceAccount.name"}),
    # https://github.com/fluent/helm-charts, tag fluent-bit-0.58.1, charts/fluent-bit
    "fluent-bit": Chart(
        "fluent-bit",
        "0.58.1",
        {"serviceAccount.create", "serviceAccount.name", "config.outputs", "env[0].name", "env[0].value"},
    ),
}


def section(page: Path, heading: str) -> str:
    return page.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def account(file: Path) -> tuple[str, str]:
    (item,) = yaml.safe_load(file.read_text(encoding="utf-8"))["irsa_service_accounts_list"]
    return item["namespace"], item["name"]


def actions(file: Path) -> set[str]:
    (item,) = yaml.safe_load(file.read_text(encoding="utf-8"))["irsa_service_accounts_list"]
    found = [statement["Action"] for statement in item["inline_policy"]["Statement"]]
    return {action for each in found for action in ([each] if isinstance(each, str) else each)}


def table() -> dict[str, list[str]]:
    """The cells of the overview's table by the page to which its first cell links."""
    rows = re.findall(r"^\| \[[^\]]*\]\(([^)]+)\).*?\|(.*)\|$", OVERVIEW.read_text(encoding="utf-8"), re.MULTILINE)
    return {page: [cell.strip().strip("`") for cell in cells.split("|")] for page, cells in rows}


def installs(page: Path) -> Iterator[list[str]]:
    """The words of each `helm upgrade` on a page."""
    for block in BLOCKS[page]:
        for line in block.text.replace("\\\n", "").splitlines() if block.language == "console" else ():
            if line.startswith("helm upgrade"):
                yield shlex.split(line)


def option(words: list[str], name: str) -> list[str]:
    return [value for word, value in itertools.pairwise(words) if word == name]


def paths(value: Any, prefix: str = "") -> Iterator[str]:
    """The paths of all values in a document; a list is one value."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from paths(member, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix


def names_value(known: str, path: str) -> bool:
    return path.startswith(known) if known.endswith(".") else path == known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_has_the_same_headings(page: Path) -> None:
    assert re.findall(r"^## (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE) == HEADINGS


def test_the_overview_lists_every_page_with_its_account_and_chart() -> None:
    expected = {}
    for page in PAGES:
        chart = CHARTS[page.stem]
        expected[page.name] = [*account(page.with_suffix(".yml")), f"{chart.name} {chart.version}"]
    assert {page: cells[:3] for page, cells in table().items()} == expected


@pytest.mark.parametrize("file", [*VARIABLES, *VALUES], ids=lambda file: file.name)
def test_every_file_is_linked_and_used_on_its_page(file: Path) -> None:
    text = page_of(file).read_text(encoding="utf-8")
    assert f"]({file.name})" in text
    assert re.search(rf"(-e @|--values ){re.escape(file.name)}\b", text)


@pytest.mark.parametrize("file", VARIABLES, ids=lambda file: file.name)
def test_a_file_names_the_variables_that_must_be_set(file: Path) -> None:
    comment = file.read_text(encoding="utf-8").partition("\n# Set ")[2].partition(" says why")[0]
    named = set(re.findall(r"\b\w+_\w+\b", comment))
    # Names of roles begin with that of the cluster, so the role needs it, too.
    assert named == needed(file) | {"irsa_service_accounts_cluster"}


def test_every_setting_on_the_pages_is_for_a_file() -> None:
    of_role = {name for name in settings() if name.startswith("irsa_")}
    assert settings().keys() - of_role == {name for file in VARIABLES for name in needed(file)} - of_role


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_says_why_each_permission_is_needed_and_lists_no_other(page: Path) -> None:
    allowed = {action for file in VARIABLES if page_of(file) == page for action in actions(file)}
    cells = re.findall(r"^\| (`[^|]*) \| [^|]+ \| [^|]+ \|$", section(page, "Least permissions"), re.MULTILINE)
    explained = [action for cell in cells for action in re.findall(r"`([^`]+)`", cell)]
    assert sorted(explained) == sorted(allowed)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_chart_has_every_value_that_is_set(page: Path) -> None:
    known = CHARTS[page.stem].values
    found = {
        path for file in VALUES if page_of(file) == page for path in paths(yaml.safe_load(file.read_text("utf-8")))
    }
    found |= {each.partition("=")[0] for words in installs(page) for each in option(words, "--set")}
    assert [path for path in found if not any(names_value(each, path) for each in known)] == []
    assert [each for each in known if not any(names_value(each, path) for path in found)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_chart_is_installed_where_the_account_is(page: Path) -> None:
    chart, version, _values = CHARTS[page.stem]
    for words in installs(page):
        namespace, name = account(page.with_suffix(".yml"))
        assert option(words, "--version") == [version]
        assert words[4].rpartition("/")[2] == chart
        assert option(words, "--namespace") == [namespace]
        (file,) = option(words, "--values")
        values = yaml.safe_load((page.parent / file).read_text(encoding="utf-8"))
        (given,) = (each for each in accounts_in(values) if "create" in each)
        assert given == {"create": False, "name": name}
        assert f"{chart} {version}" in (page.parent / file).read_text(encoding="utf-8")
        assert f"{chart} {version}" in page.read_text(encoding="utf-8").partition("\n## ")[0].replace("\n", " ")


def accounts_in(value: Any) -> Iterator[dict[str, Any]]:
    """What is below each serviceAccount."""
    if isinstance(value, dict):
        for key, member in value.items():
            if key == "serviceAccount":
                yield member.get("server", member)
            else:
                yield from accounts_in(member)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_same_cluster_and_region_are_on_the_whole_page(page: Path) -> None:
    """The policies of some compare a tag with the cluster, which the chart must be given as well."""
    given = dict(each.split("=", 1) for words in installs(page) for each in option(words, "--set"))
    names = ("txtOwnerId", "controller.k8sTagClusterId", "clusterName", "autoDiscovery.clusterName")
    assert {given[name] for name in names if name in given} <= {settings()["irsa_service_accounts_cluster"]}
    regions = {value for name, value in given.items() if name.rpartition(".")[2] in ("region", "awsRegion")}
    assert regions <= {settings()["add_ons_region"]}


def test_the_load_balancer_controller_may_do_what_elastic_load_balancing_does_in_its_name() -> None:
    """Elastic Load Balancing calls EC2 with the permissions of its caller; the controller's code does not show it."""
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-permissions.html
    # https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/3917
    (file,) = (each for each in VARIABLES if each.stem == "load-balancer-controller")
    (account,) = yaml.safe_load(file.read_text(encoding="utf-8"))["irsa_service_accounts_list"]
    look = next(each for each in account["inline_policy"]["Statement"] if each["Sid"] == "Look")
    assert set(look["Action"]) >= {
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeAddresses",
        "ec2:DescribeInternetGateways",
        "ec2:GetSecurityGroupsForVpc",
    }
