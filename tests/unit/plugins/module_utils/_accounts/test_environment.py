# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment variables that would send the writes of kubernetes.core to another cluster than was looked at."""

from __future__ import annotations

import pytest

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.environment import problems
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts.plan import Settings, accounts_for
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

ITEM = {"namespace": "shop", "name": "cart", "role_arn": "arn:aws:iam::123456789012:role/cart"}

# A way to the server changes neither it nor the user. The path of the kubeconfig is always set.
HARMLESS = {"kubeconfig", "proxy", "no_proxy", "proxy_headers", "persist_config"}


def test_all_that_names_a_server_or_a_user_is_named_and_no_value_is():
    options = {name: spec for name, spec in AUTH_ARG_SPEC.items() if name not in HARMLESS}
    names = [name for option, spec in options.items() for name in (option, *spec.get("aliases", ()))]
    variables = {f"K8S_AUTH_{name.upper()}": "a-value" for name in names}
    (problem,) = problems(variables)
    assert all(name in problem for name in variables)
    assert "a-value" not in problem


@pytest.mark.parametrize("environment", [{}, *({f"K8S_AUTH_{name.upper()}": "x"} for name in HARMLESS)])
def test_other_variables_are_not_refused(environment):
    assert list(problems(environment)) == []


def test_the_plan_refuses_them_only_if_something_could_be_applied(monkeypatch, tmp_path):
    monkeypatch.setenv("K8S_AUTH_CONTEXT", "")  # which is a value, too
    with pytest.raises(IrsaError, match="K8S_AUTH_CONTEXT"):
        accounts_for([ITEM], Settings(provider_arn=None, kubeconfig="/x"))
    assert accounts_for([], Settings(provider_arn=None, kubeconfig="/x")) == []
    assert accounts_for([ITEM], Settings(provider_arn=None, kubeconfig="/x", manifests_path=str(tmp_path)))
