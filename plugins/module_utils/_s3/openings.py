# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run would open besides the documents.

The access block and the policy are those of the whole bucket. Lifting the block brings other public statements into
effect, and a pattern matches objects of others.
"""

from __future__ import annotations

import dataclasses

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import wildcards
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_policy, issuer_objects, public_paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_base import Bucket
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.public_statements import public_statements

_MAX_STATEMENTS = 10
_MAX_IN_RESULT = 100

Policy = bucket_policy.Policy


class OpensMore(IrsaError):
    """A run would open more than documents."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transition:
    """The policy before and after a run, and whether the run makes public statements effective that were not."""

    before: Policy | None
    after: Policy
    lifts_block: bool


@dataclasses.dataclass(kw_only=True)
class _Openings:
    """What a run would open besides the documents, and the patterns that match the objects."""

    statements: list[str]
    patterns: list[str]
    objects: list[str]
    fault: str | None = None


def look(bucket: Bucket, transition: Transition) -> list[str]:
    """Look at what a run would open besides the documents. Return warnings if ``spec.open_existing`` accepts that.

    Raises OpensMore if it does not, and IrsaError.
    """
    found = _openings(bucket, transition)
    if not (found.statements or found.objects or found.fault):
        return []
    if bucket.spec.open_existing:
        return [f"Opening the documents in {bucket.target} also makes other things public: {_listing(found)}."]
    raise OpensMore(
        f"Opening the documents in {bucket.target} would also make other things public: {_listing(found)}. "
        f"{_remedy(found)} To make them public as well, set open_existing (irsa_issuer_bucket_open_existing).",
        opened_statements=found.statements[:_MAX_IN_RESULT],
        opened_objects=found.objects[:_MAX_IN_RESULT],
    )


def _openings(bucket: Bucket, transition: Transition) -> _Openings:
    spec, opened = bucket.spec, bucket_policy.own_resources(transition.after)
    others = [each for each in public_statements(transition.before) if not bucket_policy.is_ours(each.statement)]
    if transition.lifts_block:
        statements = [str(each) for each in others if not each.opens_only(opened)]
        new = opened
    else:
        statements = []
        present = bucket_policy.own_resources(transition.before)
        new = [arn for arn in opened if arn not in present and not any(other.opens(arn) for other in others)]
    paths = [_path_of(arn, spec.name) for arn in new]
    strange = [path for path in paths if path not in spec.public_paths and not _may_be_documents(path)]
    if strange:
        statements.append(f"the statement {quoted(bucket_policy.SID)} (allows everyone to read {listed(strange)})")
    patterns = [
        path for path in paths if path not in strange and (wildcards.is_pattern(path) or path not in spec.public_paths)
    ]
    found = _Openings(statements=statements, patterns=patterns, objects=[])
    if patterns:
        try:
            found.objects = issuer_objects.unexplained(bucket, patterns, known={*spec.own_paths, *spec.public_paths})
        except Fault as fault:
            found.fault = str(fault)
    return found


def _path_of(arn: str, bucket: str) -> str:
    """Return the key, or the pattern for keys, in the ARN of objects; the ARN if it is not one of objects."""
    return arn.partition(f":s3:::{bucket}/")[2] or arn


def _may_be_documents(path: str) -> bool:
    """Return whether a path that our statement opens already was opened for documents."""
    try:
        public_paths.check([path])
    except IrsaError:
        return False
    return issuer_objects.is_named_as_document(path)


def _listing(found: _Openings) -> str:
    clauses = []
    if found.statements:
        shown = "; ".join(found.statements[:_MAX_STATEMENTS])
        rest = len(found.statements) - _MAX_STATEMENTS
        more = f"; and {rest} more" if rest > 0 else ""
        clauses.append(f"lifting its access block brings into effect {shown}{more}")
    if found.objects:
        clauses.append(
            f"the public paths {listed(found.patterns)} match {listed(found.objects)}, and no discovery document "
            "beside them says that an issuer is at that address"
        )
    if found.fault:
        clauses.append(f"the public paths {listed(found.patterns)} {found.fault}")
    return "; ".join(clauses)


def _remedy(found: _Openings) -> str:
    remedies = ["Remove or narrow these statements."] if found.statements else []
    if found.objects or found.fault:
        remedies.append(f"Name the exact keys in {public_paths.OPTION}, or use a bucket of its own.")
    return " ".join(remedies)
