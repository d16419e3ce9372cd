# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotations at once on one issuer: processes that start together, each of which publishes a key of its own.

``python -m tests.races.publishers``: at the endpoint that the environment names. The exit code is 1 if a key is not
published or not in the record, or if a run failed.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import time
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.publication import StateSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.store import ensure_state

from .rounds import client, in_process, processes

OBJECTS = ("keys.json", ".well-known/openid-configuration", "rotation.json")


@dataclass(frozen=True)
class Scene:
    """Where the runs meet. Without ``account_id`` it is looked up."""

    bucket: str
    account_id: str | None
    runs: int

    @property
    def issuer(self) -> str:
        return f"https://issuer.example.com/{self.bucket}"


@dataclass
class Ended:
    """How one run ended."""

    kid: str
    writes: int
    seconds: float
    error: str | None = None


def main() -> int:
    """Print the figures. Return 1 if something was lost or a run failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.races.publishers", description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--account-id", default=os.environ.get("IRSA_E2E_ACCOUNT_ID"))
    options = parser.parse_args()
    scene = Scene(f"irsa-races-{secrets.token_hex(5)}", options.account_id, options.runs)
    s3 = client("s3")
    region = s3.meta.region_name
    at_aws = not os.environ.get("IRSA_E2E_ISSUER_BASE") and region != "us-east-1"
    s3.create_bucket(
        Bucket=scene.bucket, **({"CreateBucketConfiguration": {"LocationConstraint": region}} if at_aws else {})
    )
    try:
        return _report(s3, scene, _run(s3, scene))
    finally:
        for key in OBJECTS:
            s3.delete_object(Bucket=scene.bucket, Key=key)
        s3.delete_bucket(Bucket=scene.bucket)


def _run(s3: Any, scene: Scene) -> list[Ended]:
    """Publish a first key, and then let all runs add theirs."""
    _kid, pem = _new_key()
    texts = document_set.texts(scene.issuer, document_set.from_pem("key", pem.encode()))
    for key, name in zip(OBJECTS, ("jwks_json", "discovery_json"), strict=False):
        s3.put_object(Bucket=scene.bucket, Key=key, Body=texts[name].encode(), ContentType="application/json")
    start, results = processes.Event(), processes.Queue()
    children = [in_process(_one_run, scene, start=start, results=results) for dummy in range(scene.runs)]
    for child in children:
        child.start()
    start.set()
    ended: list[Any] = [results.get(timeout=300) for dummy in children]
    for child in children:
        child.join()
    crashed = [each for each in ended if isinstance(each, str)]
    if crashed:
        raise RuntimeError("\n".join(crashed))
    return ended


def _one_run(scene: Scene, *, start: Any, results: Any) -> None:
    aws = Aws(ReadyClients({service: client(service) for service in ("s3", "sts")}))
    kid, pem = _new_key()
    spec = StateSpec(bucket=scene.bucket, issuer=scene.issuer, account_id=scene.account_id, publish=[pem], by=kid)
    start.wait()
    began = time.monotonic()
    try:
        done = Ended(kid, len(ensure_state(aws, spec, False).actions), 0)
    except IrsaError as error:
        done = Ended(kid, 0, 0, str(error))
    done.seconds = time.monotonic() - began
    results.put(done)


def _new_key() -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key_facts.kid(key), key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _report(s3: Any, scene: Scene, ended: list[Ended]) -> int:
    failures = [run.error for run in ended if run.error]
    if len(failures) == len(ended):
        print("\n".join(failures))
        return 1
    jwks, record = (json.loads(s3.get_object(Bucket=scene.bucket, Key=key)["Body"].read()) for key in OBJECTS[::2])
    published = {key["kid"] for key in jwks["keys"]}
    remembered = {event["kid"] for event in record["events"] if event["kind"] == "published"}
    lost = [f"key {run.kid} is not published" for run in ended if run.kid not in published and not run.error]
    lost += [f"key {run.kid} is not in the record" for run in ended if run.kid not in remembered and not run.error]
    seconds = [run.seconds for run in ended]
    print(
        f"{len(ended)} runs of {min(seconds):.1f} to {max(seconds):.1f} s made {sum(run.writes for run in ended)} "
        f"writes. {len(published)} keys are published, {len(remembered)} are in the record. "
        f"Lost: {len(lost)}. Failed: {len(failures)}."
    )
    print("\n".join([*lost, *failures]))
    return int(bool(lost or failures))


if __name__ == "__main__":
    sys.exit(main())
