# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks each role's meta/argument_specs.yml against ansible's schema for it, and against the role's own defaults.

The schema is the one that ansible-lint ships. A default that is documented but not set, or set but not documented,
makes the documentation wrong; a variable without the role's name in front can clash with one of another role, unless
the roles share it on purpose.
"""

from __future__ import annotations

import importlib.resources
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]

# How the cluster is reached, which is the same for all roles, and what accounts and injection must agree on.
SHARED = frozenset({"irsa_kubeconfig", "irsa_kube_context", "irsa_manifests_path", "irsa_injection_annotation_prefix"})


def load(file: Path) -> dict[str, Any]:
    """The mapping in a YAML file; empty if there is no such file."""
    return yaml.safe_load(file.read_text(encoding="utf-8")) or {} if file.exists() else {}


def faults(role: Path, schema: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a role's argument specification, one line each."""
    file = role / "meta" / "argument_specs.yml"
    if not file.exists():
        yield f"{role.name}: no meta/argument_specs.yml"
        return
    specification = load(file)
    for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(specification):
        yield f"{role.name}: {error.json_path}: {error.message}"

    defaults = load(role / "defaults" / "main.yml")
    options: dict[str, dict[str, Any]] = {}
    for entry_point in specification.get("argument_specs", {}).values():
        options |= entry_point.get("options") or {}
    for name, option in options.items():
        if not name.startswith(f"{role.name}_") and name not in SHARED:
            yield f"{role.name}: {name} does not begin with the role's name"
        if "default" in option and name not in defaults:
            yield f"{role.name}: {name} has a documented default, but none in defaults/main.yml"
        elif "default" in option and option["default"] != defaults[name]:
            yield f"{role.name}: {name}: documented default {option['default']!r}, real one {defaults[name]!r}"
        elif "default" not in option and name in defaults:
            yield f"{role.name}: {name} has a default that is not documented"
    for name in sorted(defaults.keys() - options.keys()):
        yield f"{role.name}: {name} in defaults/main.yml is not documented"


def main() -> int:
    schema_file = importlib.resources.files("ansiblelint") / "schemas" / "role-arg-spec.json"
    schema = json.loads(schema_file.read_text(encoding="utf-8"))
    roles = sorted(folder for folder in (REPOSITORY / "roles").glob("*") if folder.is_dir())
    found = [fault for role in roles for fault in faults(role, schema)]
    print("\n".join(found) if found else f"{len(roles)} roles checked")
    return 1 if found or not roles else 0


if __name__ == "__main__":
    sys.exit(main())
