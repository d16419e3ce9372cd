# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service accounts and pods of every shape that injection treats in a way of its own."""

from __future__ import annotations

from typing import Any

EKS = "eks.amazonaws.com/"
ROLE = "arn:aws:iam::123456789012:role/app"
MOUNT_PATH = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
Object = dict[str, Any]

# Annotations of service accounts.
ACCOUNTS: dict[str, Object] = {
    "default": {"role-arn": ROLE},
    "app": {"role-arn": ROLE},
    "plain": {},
    "empty-role": {"role-arn": ""},
    "malformed": {"role-arn": "my role"},
    "audience": {"role-arn": ROLE, "audience": "custom"},
    "empty-audience": {"role-arn": ROLE, "audience": ""},
    "global-sts": {"role-arn": ROLE, "sts-regional-endpoints": "false"},
    "regional-sts": {"role-arn": ROLE, "sts-regional-endpoints": "T"},
    "odd-sts": {"role-arn": ROLE, "sts-regional-endpoints": "yes"},
    "hour": {"role-arn": ROLE, "token-expiration": "3600"},
    "minute": {"role-arn": ROLE, "token-expiration": "60"},
    "odd-time": {"role-arn": ROLE, "token-expiration": "1h"},
    "dotted.name": {"role-arn": ROLE},
}


def container(name: str = "c", **more: Any) -> Object:
    return {"name": name, "image": "x", **more}


def pod(account: str = "app", metadata: Object | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"name": "p", **(metadata or {})},
        "spec": {"serviceAccountName": account, "containers": [container()], **spec},
    }


def own(*names: str) -> list[Object]:
    """Variables that a user has set."""
    return [{"name": name, "value": "mine"} for name in names]


def notes(**annotations: str) -> Object:
    return {"annotations": {EKS + name.replace("_", "-"): value for name, value in annotations.items()}}


_TOKEN = {"name": "aws-iam-token", "emptyDir": {}}
_MOUNT = {"name": "aws-iam-token", "mountPath": "/mine"}
_VOLUMES = [{"name": f"v{number}", "emptyDir": {}} for number in range(40)]
_MIRROR = {"annotations": {"kubernetes.io/config.mirror": "x", "kubernetes.io/config.hash": "x"}}

# Of this one, the webhook skips no container, and the policy those that it can read.
BROKEN_CSV = "skip-containers, broken CSV"

PODS: dict[str, Object] = {
    "plain pod": pod(),
    "two containers, two init containers": pod(
        containers=[container("a"), container("b")], initContainers=[container("i"), container("j")]
    ),
    "sidecar (init, restartPolicy Always)": pod(initContainers=[container("s", restartPolicy="Always")]),
    "Windows, kubernetes.io/os": pod(nodeSelector={"kubernetes.io/os": "windows"}),
    "Windows, beta label": pod(nodeSelector={"beta.kubernetes.io/os": "windows"}),
    "Windows, spec.os only": pod(os={"name": "windows"}),
    "own AWS_REGION": pod(containers=[container(env=own("AWS_REGION"))]),
    "own AWS_DEFAULT_REGION": pod(containers=[container(env=own("AWS_DEFAULT_REGION"))]),
    "own AWS_ROLE_ARN": pod(containers=[container(env=own("AWS_ROLE_ARN"))]),
    "own AWS_WEB_IDENTITY_TOKEN_FILE": pod(containers=[container(env=own("AWS_WEB_IDENTITY_TOKEN_FILE"))]),
    "own AWS_STS_REGIONAL_ENDPOINTS": pod(containers=[container(env=own("AWS_STS_REGIONAL_ENDPOINTS"))]),
    "all its own: left alone": pod(
        containers=[container(env=own("AWS_ROLE_ARN", "AWS_REGION", "AWS_STS_REGIONAL_ENDPOINTS"))]
    ),
    "valueFrom region": pod(
        containers=[container(env=[{"name": "AWS_REGION", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])]
    ),
    "a variable named twice": pod(containers=[container(env=own("X", "X", "AWS_REGION", "AWS_REGION"))]),
    "a port named twice": pod(containers=[container(ports=[{"containerPort": 80}, {"containerPort": 80}])]),
    "volume aws-iam-token exists": pod(volumes=[_TOKEN]),
    "volume and mount exist": pod(volumes=[_TOKEN], containers=[container(volumeMounts=[_MOUNT])]),
    "mount path is taken (refused)": pod(
        volumes=[{"name": "v", "emptyDir": {}}],
        containers=[container(volumeMounts=[{"name": "v", "mountPath": MOUNT_PATH}])],
    ),
    "no volume, no mount (automount false)": pod(automountServiceAccountToken=False),
    "40 volumes": pod(
        volumes=_VOLUMES,
        containers=[
            container(volumeMounts=[{"name": each["name"], "mountPath": f"/{each['name']}"} for each in _VOLUMES])
        ],
    ),
    "pod token-expiration": pod("hour", notes(token_expiration="7200")),
    "pod token-expiration too short": pod(metadata=notes(token_expiration="1")),
    "pod token-expiration odd": pod("hour", notes(token_expiration="soon")),
    "pod token-expiration beyond the API": pod(metadata=notes(token_expiration="99999999999")),
    "pod token-expiration signed": pod(metadata=notes(token_expiration="+7200")),
    "skip-containers": pod(
        metadata=notes(skip_containers="b,i"),
        containers=[container("a"), container("b")],
        initContainers=[container("i")],
    ),
    "skip-containers, all": pod(metadata=notes(skip_containers="c")),
    "skip-containers, a space": pod(
        metadata=notes(skip_containers="a, b"), containers=[container("a"), container("b")]
    ),
    "skip-containers, quoted, newline": pod(
        metadata=notes(skip_containers='"a","b"\n'), containers=[container("a"), container("b")]
    ),
    BROKEN_CSV: pod(metadata=notes(skip_containers='a"x,b'), containers=[container("a"), container("b")]),
    "skip-containers, empty": pod(metadata=notes(skip_containers="")),
    **{f"account {name}": pod(name) for name in ACCOUNTS if name not in ("app", "default")},
    "no serviceAccountName (default has a role)": {"metadata": {"name": "p"}, "spec": {"containers": [container()]}},
    "serviceAccount, the old field": {
        "metadata": {"name": "p"},
        "spec": {"serviceAccount": "app", "containers": [container()]},
    },
    "account that does not exist (refused)": pod("nobody"),
    "hostNetwork": pod(hostNetwork=True),
    "generateName": {"metadata": {"generateName": "p-"}, "spec": pod()["spec"]},
    "two containers of one name (refused)": pod(containers=[container(), container()]),
    "fsGroup, runAsUser, read-only root": pod(
        securityContext={"fsGroup": 1000, "runAsUser": 1000, "runAsNonRoot": True},
        containers=[container(securityContext={"readOnlyRootFilesystem": True})],
    ),
    "mirror pod": {"metadata": {"name": "p", **_MIRROR}, "spec": {"nodeName": "n", "containers": [container()]}},
    "label skip": pod(metadata={"labels": {EKS + "skip-pod-identity-webhook": "x"}}),
    "restartPolicy Never, envFrom": pod(
        restartPolicy="Never", containers=[container(envFrom=[{"configMapRef": {"name": "m"}}])]
    ),
}
