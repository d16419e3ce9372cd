# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kubeadm's ClusterConfiguration as the text in ConfigMap kubeadm-config: what survives ``kubeadm upgrade`` by itself.

The flags in extraArgs replace kubeadm's own values of the same name.
https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import extra_args, yaml_list, yaml_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.yaml_text import at, items, member, scalar
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

API_SERVER = "apiServer"
CONTROLLER_MANAGER = "controllerManager"

_GROUP = "kubeadm.k8s.io/"
# extraArgs is a map, with one value for each flag.
_WITH_MAP = f"{_GROUP}v1beta3"
_WITH_LIST = f"{_GROUP}v1beta4"

# The values of a flag, in order.
Values = tuple[str, ...]


class ClusterConfiguration:
    """The text, and what is in it. Raises Fault for a text that is something else, or of an unknown version."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._document = yaml_text.Document(text)
        self._root: t.Any = self._document.root
        version, kind = (scalar(member(self._root, name)) for name in ("apiVersion", "kind"))
        if kind != "ClusterConfiguration" or version not in (_WITH_MAP, _WITH_LIST):
            raise Fault(
                f"it is {quoted(kind)} of version {quoted(version)}, and not ClusterConfiguration of {_WITH_MAP} or "
                f"{_WITH_LIST}"
            )
        # Whether it can hold several values of one flag.
        self.has_lists = version == _WITH_LIST

    def default(self, name: str) -> Values:
        """Return what kubeadm gives a flag that extraArgs does not name."""
        folder = scalar(member(self._root, "certificatesDir")) or "/etc/kubernetes/pki"
        domain = scalar(at(self._root, "networking", "dnsDomain")) or "cluster.local"
        defaults = {
            ISSUER: f"https://kubernetes.default.svc.{domain}",
            KEY_FILE: f"{folder}/sa.pub",
            SIGNING_KEY_FILE: f"{folder}/sa.key",
            PRIVATE_KEY_FILE: f"{folder}/sa.key",
        }
        return (defaults[name],) if name in defaults else ()

    def own(self, component: str, name: str) -> Values:
        """Return the values that extraArgs of a component has for a flag."""
        return tuple(value for each, value in self._extra_args(component) if each == name)

    def rendered(self, component: str, name: str, *, keeps_order: bool) -> Values:
        """Return the values that the component gets from kubeadm."""
        values = self.own(component, name)
        return (values if keeps_order else tuple(sorted(values))) or self.default(name)

    def with_values(self, component: str, values: t.Mapping[str, Values]) -> ClusterConfiguration:
        """Return it with other values of some flags in extraArgs, and otherwise the same text.

        No values mean that kubeadm's own come back. Raises Fault if that cannot be done safely.
        """
        result = self
        for name, new in values.items():
            if new != result.own(component, name):
                result = result._with(component, name, new=new)
        return result

    def _extra_args(self, component: str) -> list[extra_args.Entry]:
        node = at(self._root, component, "extraArgs")
        if self.has_lists:
            pairs = [(member(each, "name"), member(each, "value")) for each in items(node)]
        else:
            pairs = node.value if node is not None and isinstance(node.value, list) else []
        return [(scalar(name) or "", scalar(value) or "") for name, value in pairs]

    def _with(self, component: str, name: str, *, new: Values) -> ClusterConfiguration:
        if new and not self.has_lists:
            raise Fault(f"its version, {_WITH_MAP}, holds one value for each flag. Take --{name} out of it by hand")
        entries = extra_args.merged(self._extra_args(component), name, new)
        splices = extra_args.splices(self._document, component, entries)
        changed = ClusterConfiguration(yaml_list.spliced(self.text, splices))
        if changed._extra_args(component) != [entry for dummy, entry in entries] or changed._rest != self._rest:
            raise Fault("an edit of it would change something else, too. Its layout is not known here")
        return changed

    @property
    def _rest(self) -> t.Any:
        """What is in it besides extraArgs. A component without anything else is left out."""
        rest = {name.value: yaml_text.tree(value) for name, value in self._root.value}
        for component in (API_SERVER, CONTROLLER_MANAGER):
            section = member(self._root, component)
            pairs = section.value if section is not None else ()
            rest[component] = [
                (name.value, yaml_text.tree(value)) for name, value in pairs if name.value != "extraArgs"
            ]
        return rest
