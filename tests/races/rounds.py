# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One round: processes that start together, each with a public path, a tag and a key of its own, and another writer."""

from __future__ import annotations

import json
import multiprocessing
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_present, publication_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import BucketSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import PublicationSpec

from .other_writer import OtherWriter
from .timing import Clock, Window

# Forked processes share the models that botocore has parsed, so that they start within milliseconds of each other.
processes = multiprocessing.get_context("fork")

PATH_STYLE = Config(s3={"addressing_style": "path"})


@dataclass
class Ended:
    """How one run ended: its number, its error if it failed, its writes and their windows."""

    number: int
    kid: str
    error: str | None
    seconds: float
    actions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)


@dataclass
class Round:
    """What came of a round.

    ``lost`` names what a run or the other writer had been told to be in place, and is not; ``missing`` counts what the
    other writer had seen in place once and found to be gone when it looked again.
    """

    runs: list[Ended]
    statements: int
    tags: int
    missing: int
    lost: list[str]

    @property
    def failures(self) -> list[str]:
        return [f"run {run.number}: {run.error}" for run in self.runs if run.error]

    @property
    def windows(self) -> list[Window]:
        return [window for run in self.runs for window in run.windows]


@dataclass(frozen=True)
class Scene:
    """Where the runs meet. Without ``account_id`` it is looked up."""

    bucket: str
    issuer: str
    account_id: str | None = None
    runs: int = 20
    other_writes: int = 20


def _path(number: int) -> str:
    return f"run-{number}/keys.json"


def _tag(number: int) -> str:
    return f"run-{number}"


def run_round(scene: Scene) -> Round:
    """Let all processes run, and compare what is there afterwards with what they were told."""
    start, stop = processes.Event(), processes.Event()
    results: Any = processes.Queue()
    children = [in_process(_one_run, scene, number, start=start, results=results) for number in range(scene.runs)]
    other = in_process(_others, scene, stop=stop, start=start, results=results)
    for child in [*children, other]:
        child.start()
    start.set()
    ended = [results.get(timeout=300) for dummy in children]
    stop.set()
    told = results.get(timeout=300)
    for child in [*children, other]:
        child.join()
    return _compare(scene, ended, told)


def in_process(work: Any, *arguments: Any, **shared: Any) -> Any:
    """A process that puts the traceback of what goes wrong into ``results``."""
    return processes.Process(target=_in_child, args=(work, arguments, shared), daemon=True)


def _in_child(work: Any, arguments: tuple[Any, ...], shared: dict[str, Any]) -> None:
    try:
        work(*arguments, **shared)
    except Exception:  # noqa: BLE001  # the parent waits for a result
        shared["results"].put(traceback.format_exc())


def client(service: str) -> Any:
    """A client for the endpoint that the environment names."""
    return boto3.session.Session().client(service, config=PATH_STYLE if service == "s3" else None)


def _one_run(scene: Scene, number: int, *, start: Any, results: Any) -> None:
    clients = ReadyClients({service: client(service) for service in ("s3", "s3control", "sts")})
    clock = Clock(clients["s3"])
    kid, texts = _new_documents(scene.issuer)
    start.wait()
    began = time.monotonic()
    ended = Ended(number, kid, None, 0)
    try:
        for outcome in _outcomes(Aws(clients), scene, number, texts=texts):
            ended.actions += outcome.actions
            ended.warnings += outcome.warnings
    except IrsaError as error:
        ended.error = str(error)
    ended.seconds = time.monotonic() - began
    ended.windows = clock.windows()
    results.put(ended)


def _outcomes(aws: Aws, scene: Scene, number: int, *, texts: dict[str, Any]) -> Any:
    """Do what the modules irsa_bucket and irsa_publish do."""
    bucket = BucketSpec(
        name=scene.bucket,
        account_id=scene.account_id,
        public_paths=("keys.json", ".well-known/openid-configuration", _path(number)),
        tags={_tag(number): "here"},
    )
    yield bucket_present.ensure_present(aws, bucket, False)
    documents = PublicationSpec(bucket=scene.bucket, issuer=scene.issuer, account_id=scene.account_id, **texts)
    yield publication_present.ensure_present(aws, documents, False)


def _new_documents(issuer: str) -> tuple[str, dict[str, Any]]:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    texts = document_set.texts(issuer, document_set.from_pem("key", pem))
    kept = {name: texts[name] for name in ("jwks_json", "discovery_json")}
    return json.loads(kept["jwks_json"])["keys"][0]["kid"], kept


def _others(scene: Scene, *, stop: Any, start: Any, results: Any) -> None:
    other = OtherWriter(client("s3"), scene.bucket, most=scene.other_writes)
    start.wait()
    other.work_until(stop.is_set)
    other.look_again()
    stop.wait()
    results.put((other.statements, other.tags, other.missing))


def _compare(scene: Scene, ended: list[Any], told: Any) -> Round:
    crashed = [each for each in [*ended, told] if isinstance(each, str)]
    if crashed:
        raise RuntimeError("\n".join(crashed))
    s3 = client("s3")
    seen = OtherWriter(s3, scene.bucket, most=0)
    policy, tags, sids = json.dumps(seen.policy()), seen.tag_keys(), seen.sids()
    answer = s3.get_object(Bucket=scene.bucket, Key="keys.json")
    kids = {key["kid"] for key in json.loads(answer["Body"].read())["keys"]}
    lost = [f"other writer's statement {sid}" for sid in told[0] if sid not in sids]
    lost += [f"other writer's tag {tag}" for tag in told[1] if tag not in tags]
    for run in ended:
        if run.error:
            continue
        lost += [] if f"/{_path(run.number)}" in policy else [f"path of run {run.number}"]
        lost += [] if _tag(run.number) in tags else [f"tag of run {run.number}"]
        lost += [] if run.kid in kids else [f"key of run {run.number}"]
    return Round(ended, len(told[0]), len(told[1]), told[2], lost)
