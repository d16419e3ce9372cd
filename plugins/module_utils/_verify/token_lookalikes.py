# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Things that are given in place of a token and are none, by how they begin or look."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import json_base64url

# Header and claims are JSON objects, whose base64url begins like this.
JWT = re.compile(r"(?<![\w.-])(?:eyJ|eyA|ewo|ew0)[\w-]+\.(?:eyJ|eyA|ewo|ew0|e30)[\w-]*\.[\w-]{8,}", re.ASCII)


class Misfit(t.NamedTuple):
    """A predicate that says what something is that should be a token, and what to do; None for the usual remedy."""

    what: str
    remedy: str | None = None


_ROLE_CREDENTIALS = (
    "STS exchanges a token for such credentials. Give the token: the file that AWS_WEB_IDENTITY_TOKEN_FILE names."
)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
# https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
# https://docs.k3s.io/cli/token
_LOOKALIKES: tuple[tuple[str, Misfit], ...] = (
    (
        r"\$ANSIBLE_VAULT;",
        Misfit("is encrypted with ansible-vault", "Decrypt it, for example with ansible-vault view."),
    ),
    (r"(?i)\s*<(!doctype\s+html|html|head|body)", Misfit("is an HTML page, such as the login page of a proxy")),
    (r"\s*<[?!A-Za-z][^<>]*>\s*<", Misfit("is XML, such as an answer of AWS")),
    (r"[\s\S]*aws_(access_key_id|secret_access_key)", Misfit("is a credentials file of AWS", _ROLE_CREDENTIALS)),
    (r"(?:AKIA|ASIA)[A-Z2-7]{12,}", Misfit("is an access key of AWS, and not a token", _ROLE_CREDENTIALS)),
    (r"(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)", Misfit("is an AWS session token", _ROLE_CREDENTIALS)),
    (
        r"[A-Za-z0-9/+]{40}$",
        Misfit("has the form of a secret access key of AWS, and not of a token", _ROLE_CREDENTIALS),
    ),
    (r"k8s-aws-v1\.", Misfit("is a token of aws eks get-token, which is for the API server of an EKS cluster")),
    (r"[a-z0-9]{6}\.[a-z0-9]{16}$", Misfit("is a bootstrap token, with which nodes join a cluster")),
    (r"K10[0-9a-f]{64}::", Misfit("is a token with which nodes join a cluster of k3s or RKE2")),
    (r"sha256~", Misfit("is an OAuth token of OpenShift, which is not a JWT")),
    (r"(?:kubeconfig-|token-)\S+:[a-z0-9]{40,}$", Misfit("is an API token of Rancher, which is not a JWT")),
    (
        r"(?:gh[opusr]_|github_pat_|glpat-|hv[sb]\.|xox[abp]-|ya29\.|dckr_pat_|npm_|sk-)\w",
        Misfit("is an access token of another service, such as GitHub, GitLab or Vault, which is not a JWT"),
    ),
    (r"(?:ssh-\w+|ecdsa-sha2-\S+) AAAA", Misfit("is a public SSH key")),
    (r"PuTTY-User-Key-File", Misfit("is a key of PuTTY")),
    (
        r"system:serviceaccount:",
        Misfit(
            "is the name of a service account, and not its token",
            "Get one: `kubectl create token SERVICE_ACCOUNT --audience AUDIENCE`.",
        ),
    ),
    (r"arn:[\w-]*:", Misfit("is an ARN")),
    (r"(?i)[a-z][a-z0-9+.-]*://", Misfit("is a URL")),
    (
        r"(?:~|\.{1,2})?/[^\s]*$|[A-Za-z]:\\",
        Misfit("is the path of a file, and not a token", "Give it as O(token_path)."),
    ),
    (
        r"\{\{|\{%|\$\{|\$\(|\$\w+$|<[\w .-]+>$|%\w+%$|env:|vault:",
        Misfit("is a template or a variable that was not replaced by its value"),
    ),
    (
        r"(?i)[\s\S]*\b(?:error|unable to|failed|refused|forbidden|unauthorized|usage:|not found|exception)\b",
        Misfit("is a message, such as an error of kubectl, and not a token"),
    ),
)
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_YAML_KIND = re.compile(r"^kind:[ \t]*[\"']?(\w{1,40})", re.MULTILINE)
# Only words that are known are shown: any other may be a part of a secret.
_KINDS = ("Config", "Secret", "TokenRequest", "ServiceAccount", "Pod", "Deployment", "List", "ExecCredential", "Status")


def of_lookalike(text: str) -> Misfit | None:
    """Recognize what is not a token at all."""
    pem = _PEM.search(text)
    if pem is not None:
        return Misfit(f"is PEM ({pem[1]}), which holds {'a private key' if 'PRIVATE' in pem[1] else 'no token'}")
    return next((misfit for pattern, misfit in _LOOKALIKES if re.match(pattern, text)), None)


def of_yaml(text: str) -> Misfit | None:
    """Recognize a kubeconfig and other objects of Kubernetes in YAML."""
    kind = _YAML_KIND.search(text)
    if kind is None:
        return None
    named = kind[1] if kind[1] in _KINDS else "an object"
    what = "a kubeconfig" if named == "Config" else f"YAML of Kubernetes ({named})"
    if len(JWT.findall(text)) == 1:
        return Misfit(f"is {what} with a token in it", "Give the token alone: the value of its member token.")
    return Misfit(f"is {what}, and not a token")


def object_in(part: str) -> dict[str, t.Any] | None:
    """Return the JSON object in base64url, None if there is none."""
    try:
        value = json_base64url.parse_json(json_base64url.decode_base64url(part.rstrip("=")).decode("utf-8"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
