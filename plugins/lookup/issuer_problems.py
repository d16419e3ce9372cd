# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: issuer_problems
short_description: What is wrong with the variables of role irsa_issuer
version_added: 0.1.0
description:
  - Lists everything that is wrong with the variables of role P(selfhosted.irsa.irsa_issuer#role) where it is called, so
    that a user can mend it all at once.
options:
  _terms:
    description: None; the variables are read where they are.
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: See what is wrong with a bucket name
  ansible.builtin.debug:
    msg: "{{ query('selfhosted.irsa.issuer_problems') }}"
  vars:
    irsa_issuer_bucket: Irsa.prod
    irsa_issuer_key_path: /srv/irsa/sa-signer.key
"""

RETURN = r"""
_raw:
  description: One sentence for each thing that is wrong; empty when nothing is.
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.lookup import LookupBase

from ansible_collections.selfhosted.irsa.plugins.module_utils.role_variables import PREFIX, problems

# The role's variables that can be wrong in a way that its argument spec does not see. What the role makes of them where
# they are not set counts as set.
_NAMES = {
    **{
        name: PREFIX + name
        for name in (
            "bucket",
            "manage_bucket",
            "url",
            "prefix",
            "key_path",
            "key_type",
            "key_size",
            "key_curve",
            "key_backup",
            "extra_jwks",
            "audiences",
            "thumbprints",
            "account_id",
            "bucket_account_id",
            "bucket_encryption",
            "bucket_versioning",
            "bucket_namespace",
            "bucket_public_paths",
            "tags",
            "connect_to",
            "delete_bucket",
        )
    },
    "key_host": f"__{PREFIX}key_host",
    "public_key_path": f"__{PREFIX}public_key_name",
    "openssh_public_key_path": f"__{PREFIX}openssh_public_key_name",
}
_SWITCHES = ("manage_bucket", "delete_bucket")


class LookupModule(LookupBase):
    # A filter would be given the same as a dictionary of some twenty templates, and to compile those costs a worker more
    # than all the rest of the task: a variable that is set to plain text needs none.
    def run(
        self, terms: t.Sequence[t.Any], variables: t.Optional[t.Mapping[str, t.Any]] = None, **kwargs: t.Any
    ) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        variables = variables or {}
        values = {
            name: self._templar.template(variables[variable])
            for name, variable in _NAMES.items()
            if variable in variables
        }
        return problems({**values, **{name: boolean(values.get(name, False), strict=False) for name in _SWITCHES}})
