# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy that gives pods their credentials, as the EKS pod identity webhook would.

Its parameter is the pod's own ServiceAccount, so it reads the webhook's annotations:

- of the account: role-arn, audience, sts-regional-endpoints, token-expiration
- of the pod: token-expiration, skip-containers, and the label skip-pod-identity-webhook

What it writes is the webhook's result to the byte: https://github.com/aws/amazon-eks-pod-identity-webhook
"""

from __future__ import annotations

import string

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import cel, constants
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document

# Whether the account that is tried is the pod's own, and has a role. One condition, not two: all conditions are
# evaluated for every account that is tried, and && stops at the name. Mirror pods have no serviceAccountName at all.
OWN_ACCOUNT_WITH_ROLE = """\
object.spec.?serviceAccountName.orValue('') == params.metadata.name &&
params.metadata.?annotations[?$ROLE_ARN].orValue('') != ''"""

# Name and expression of each variable. What stands in capital letters after a $ is a literal that is put in.
_VARIABLES = (
    ("role", "params.metadata.annotations[$ROLE_ARN]"),
    ("region", "$REGION"),
    # What Go's ParseBool reads as true or false, otherwise the default.
    (
        "regional",
        """\
[params.metadata.annotations[?$STS_REGIONAL_ENDPOINTS].orValue('')].map(x,
  x in ['1', 't', 'T', 'TRUE', 'true', 'True'] ||
  ($REGIONAL && !(x in ['0', 'f', 'F', 'FALSE', 'false', 'False'])))[0]""",
    ),
    ("audience", "params.metadata.annotations[?$AUDIENCE_ANNOTATION].orValue($AUDIENCE)"),
    # The first number among the pod's annotation, the account's and the default, but no less than the API accepts.
    (
        "expiration",
        """\
[$MIN_EXPIRATION, [object.metadata.?annotations[?$TOKEN_EXPIRATION].orValue(''),
       params.metadata.annotations[?$TOKEN_EXPIRATION].orValue(''), $EXPIRATION]
  .filter(x, x.matches('^[+-]?[0-9]{1,18}$$')).map(x, int(x))[0]].max()""",
    ),
    # One line of CSV without spaces around the commas, as the webhook reads it.
    (
        "skip",
        """\
object.metadata.?annotations[?$SKIP_CONTAINERS].orValue('')
  .trim().split('\\n')[0].replace('"', '').split(',')""",
    ),
    ("folder", "$FOLDER"),
    # The token's path as the container sees it. On Windows nodes, the variable has backslashes and a drive.
    (
        "file",
        """\
'windows' in [object.spec.?nodeSelector[?'kubernetes.io/os'].orValue(''),
              object.spec.?nodeSelector[?'beta.kubernetes.io/os'].orValue('')]
  ? 'C:' + variables.folder.replace('/', '\\\\') + '\\\\' + $TOKEN_FILE : variables.folder + '/' + $TOKEN_FILE""",
    ),
    # Every container and init container (sidecars are init containers), with its place in the pod.
    (
        "places",
        """\
object.spec.containers.transformList(i, c, {'at': dyn('/spec/containers/' + string(i)), 'c': dyn(c)}) +
(has(object.spec.initContainers) ? object.spec.initContainers.transformList(i, c,
  {'at': dyn('/spec/initContainers/' + string(i)), 'c': dyn(c)}) : [])""",
    ),
    # What those that are not skipped lack. Of a pair (role and file, the two regions), both are added or neither.
    (
        "lacks",
        """\
variables.places.filter(p, !(p.c.name in variables.skip)).map(p, {'at': p.at, 'c': p.c,
  'role': dyn(!has(p.c.env) ||
    !p.c.env.exists(e, e.name == 'AWS_ROLE_ARN' || e.name == 'AWS_WEB_IDENTITY_TOKEN_FILE')),
  'region': dyn(!has(p.c.env) || !p.c.env.exists(e, e.name == 'AWS_REGION' || e.name == 'AWS_DEFAULT_REGION')),
  'sts': dyn(!has(p.c.env) || !p.c.env.exists(e, e.name == 'AWS_STS_REGIONAL_ENDPOINTS'))})""",
    ),
    # A container that has all three is left alone, its mounts, too.
    ("todo", "variables.lacks.filter(t, t.role || t.region || t.sts)"),
)

# A JSON patch and not an apply configuration, which refuses the sources of a projected volume and merges by name what
# a pod may have twice. The values are in the webhook's order and places.
_PATCH = """\
variables.todo.filter(t, !has(t.c.env)).map(t, JSONPatch{op: 'add', path: t.at + '/env', value: []}) +
variables.todo.filter(t, t.sts && variables.regional).map(t, JSONPatch{op: 'add', path: t.at + '/env/-',
  value: Object.spec.containers.env{name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'regional'}}) +
variables.todo.filter(t, t.region && variables.region != '').map(t, JSONPatch{op: 'add', path: t.at + '/env/-',
  value: Object.spec.containers.env{name: 'AWS_DEFAULT_REGION', value: variables.region}}) +
variables.todo.filter(t, t.region && variables.region != '').map(t, JSONPatch{op: 'add', path: t.at + '/env/-',
  value: Object.spec.containers.env{name: 'AWS_REGION', value: variables.region}}) +
variables.todo.filter(t, t.role).map(t, JSONPatch{op: 'add', path: t.at + '/env/-',
  value: Object.spec.containers.env{name: 'AWS_ROLE_ARN', value: variables.role}}) +
variables.todo.filter(t, t.role).map(t, JSONPatch{op: 'add', path: t.at + '/env/-',
  value: Object.spec.containers.env{name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: variables.file}}) +
variables.todo.filter(t, !has(t.c.volumeMounts)).map(t,
  JSONPatch{op: 'add', path: t.at + '/volumeMounts', value: []}) +
variables.todo.filter(t, !has(t.c.volumeMounts) || !t.c.volumeMounts.exists(m, m.name == $VOLUME)).map(t,
  JSONPatch{op: 'add', path: t.at + '/volumeMounts/-', value: Object.spec.containers.volumeMounts{
    name: $VOLUME, readOnly: true, mountPath: variables.folder}}) +
(has(object.spec.volumes) ? [] : [JSONPatch{op: 'add', path: '/spec/volumes', value: []}]) +
(has(object.spec.volumes) && object.spec.volumes.exists(v, v.name == $VOLUME) ? [] :
  [JSONPatch{op: 'add', path: '/spec/volumes/0', value: Object.spec.volumes{name: $VOLUME,
    projected: Object.spec.volumes.projected{sources: [Object.spec.volumes.projected.sources{
      serviceAccountToken: Object.spec.volumes.projected.sources.serviceAccountToken{
        audience: variables.audience, expirationSeconds: variables.expiration, path: $TOKEN_FILE}}]}}}])"""


def expression(template: str, settings: Settings) -> str:
    """Return an expression with the literals of the settings put in."""
    literals = {
        "ROLE_ARN": cel.text(settings.annotation("role-arn")),
        "AUDIENCE_ANNOTATION": cel.text(settings.annotation("audience")),
        "STS_REGIONAL_ENDPOINTS": cel.text(settings.annotation("sts-regional-endpoints")),
        "TOKEN_EXPIRATION": cel.text(settings.annotation("token-expiration")),
        "SKIP_CONTAINERS": cel.text(settings.annotation("skip-containers")),
        "REGION": cel.text(settings.region),
        "REGIONAL": cel.boolean(settings.sts_regional_endpoints),
        "AUDIENCE": cel.text(settings.audience),
        "EXPIRATION": cel.text(str(settings.expiration)),
        "MIN_EXPIRATION": str(constants.MIN_EXPIRATION),
        "FOLDER": cel.text(settings.mount_path),
        "TOKEN_FILE": cel.text(constants.TOKEN_FILE),
        "VOLUME": cel.text(names.VOLUME),
        "EXCEPTIONS": cel.texts(settings.guard_exceptions),
    }
    return string.Template(template).substitute(literals)


def pod_selector(settings: Settings, *, not_only: str) -> Document:
    """Return the objectSelector for pods that do not opt out, and are not only for the other way to inject."""
    skipped = {"key": settings.annotation("skip-pod-identity-webhook"), "operator": "DoesNotExist"}
    # What has no such label matches.
    other = {"key": names.ONLY_LABEL, "operator": "NotIn", "values": [not_only]}
    return {"matchExpressions": [skipped, other]}


def pods_that_do_not_opt_out(settings: Settings) -> Document:
    """Return the matchConstraints of a policy for new pods, without those that carry the webhook's label for that."""
    return {
        "objectSelector": pod_selector(settings, not_only=names.ONLY_WEBHOOK),
        "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    }


def inject_spec(settings: Settings) -> Document:
    """Return the spec of the policy."""
    own_account = {"name": "own-account-with-role", "expression": expression(OWN_ACCOUNT_WITH_ROLE, settings)}
    return {
        # Each labelled ServiceAccount in the pod's namespace is tried. The condition keeps the pod's own.
        "paramKind": {"apiVersion": "v1", "kind": "ServiceAccount"},
        # An expression that fails refuses the pod. Without credentials, it would fail later and less clearly.
        "failurePolicy": "Fail",
        # Containers that a webhook adds afterwards, such as a service mesh's, get theirs in a second round.
        "reinvocationPolicy": "IfNeeded",
        "matchConstraints": pods_that_do_not_opt_out(settings),
        "matchConditions": [own_account],
        "variables": [{"name": name, "expression": expression(template, settings)} for name, template in _VARIABLES],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression(_PATCH, settings)}}],
    }
