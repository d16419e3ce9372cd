# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/troubleshooting.md from the catalogue of checks, from which irsa_verify explains its findings, too."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
CATALOGUE = REPOSITORY / "plugins" / "module_utils" / "_verify" / "catalogue.py"
GUIDE = REPOSITORY / "docs" / "troubleshooting.md"

# The name under which the catalogue is loaded.
SPECIFICATION = "catalogue"

HEAD = """\
<!--
Copyright (c) 2026, the selfhosted.irsa authors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by `make guide` from plugins/module_utils/_verify/catalogue.py.
-->

# Troubleshooting

STS reports the same error for many causes. `irsa_verify` follows the steps of STS one by one and names the first that
fails. It only reads, and works with any issuer, including one that this collection did not create:

<!-- not run: needs an issuer; tests/integration/test_walk.py runs the same in the README -->
```console
ansible-playbook selfhosted.irsa.verify \\
  -e irsa_verify_issuer=https://example-irsa-prod.s3.eu-west-1.amazonaws.com
```

With a pod's token and role, it also asks STS itself and explains the answer. The token is never shown.

<!-- not run: needs a cluster; tests/e2e/test_verify.py verifies with such a token -->
```console
# as the pod's service account
kubectl create token velero --namespace backup --audience sts.amazonaws.com > token
ansible-playbook selfhosted.irsa.verify \\
  -e irsa_verify_issuer=https://example-irsa-prod.s3.eu-west-1.amazonaws.com \\
  -e irsa_verify_token_path=token -e irsa_verify_role_arn=arn:aws:iam::123456789012:role/backup \\
  -e irsa_verify_assume_role=true
```

With a kubeconfig, it also looks into the cluster: at all API servers, at what injects credentials, and for running pods
that lack them. It stores nothing there.

<!-- not run: needs a cluster; tests/e2e/test_cluster_checks.py::test_a_sound_cluster_passes_every_check does that -->
```console
ansible-playbook selfhosted.irsa.verify \\
  -e irsa_verify_issuer=https://example-irsa-prod.s3.eu-west-1.amazonaws.com \\
  -e irsa_verify_kubeconfig=~/.kube/config
```

[All variables](verify.md) · [how it works](architecture.md)

## By symptom

This table lists what a pod's log, `aws sts` or the API server shows, and the checks that find the cause. The checks run
in the order of [the list below](#by-check). If there are several findings, fix the first one first.
"""


def load_catalogue() -> dict[str, Any]:
    """Load the catalogue from its file: this runs without Ansible and its search for collections."""
    specification = importlib.util.spec_from_file_location(SPECIFICATION, CATALOGUE)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return dict(module.CATALOGUE)


def guide(catalogue: dict[str, Any]) -> str:
    """Return the whole guide."""
    by_symptom: dict[str, list[str]] = {}
    for check, entry in catalogue.items():
        for symptom in entry.symptoms:
            by_symptom.setdefault(symptom, []).append(check)
    lines = [HEAD, "| symptom | checks |", "|---|---|"]
    lines += [
        f"| {text(symptom)} | {', '.join(f'[{check}](#{check})' for check in checks)} |"
        for symptom, checks in by_symptom.items()
    ]
    lines += ["", "## By check", ""]
    for check, entry in catalogue.items():
        lines += section(check, entry)
    return "\n".join(lines)


def section(check: str, entry: Any) -> Iterator[str]:
    yield from (f"### {check}", "", text(entry.title), "")
    yield from (f"- Likely cause: {text(entry.cause)}", f"- Remedy: {with_code(without_values(entry.remedy))}")
    yield ""


def without_values(remedy: str) -> str:
    """Return a remedy as it is for everyone: options as variables of the playbook, and no value of a user."""
    catalogue = sys.modules[SPECIFICATION]
    named = catalogue.OPTION.sub(r"irsa_verify_\1", remedy)
    return str(catalogue.with_values(named, {}))


def with_code(remedy: str) -> str:
    """Escape a remedy for Markdown, but for what is to be copied, which is between backticks."""
    return "`".join(part if number % 2 else escape(part) for number, part in enumerate(remedy.split("`")))


def text(plain: str) -> str:
    """Escape a text for Markdown, and put it on one line."""
    return escape(" ".join(plain.split()))


def escape(plain: str) -> str:
    """Escape text for Markdown, also within a table, so that nothing in it is a link or HTML."""
    # An underscore within a word needs no escape.
    return re.sub(r"([\\`*\[\]<>|]|\b_|_\b)", r"\\\1", plain)


def main() -> None:
    GUIDE.write_text(guide(load_catalogue()), encoding="utf-8")
