# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the summary of an issuer says for API servers: their flags in every form, and the key files that these name."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import issuer_flags
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import Issuer

# Only root, as which an API server runs, reads the private key.
_PRIVATE_MODE, _PUBLIC_MODE = "0600", "0644"


def values(spec: IssuerSpec, issuer: Issuer) -> dict[str, t.Any]:
    """Return the flags of kube-apiserver in every form, and ``apiserver_key_files``, those to have on its host."""
    files = list(_key_files(spec))
    flags = issuer_flags.flags(
        [issuer.url, *spec.former_issuers],
        signing_key=files[0]["dest"] if files else None,
        public_keys=[files[-1]["dest"], *spec.former_public_keys] if files else (),
        # Without a key file, the cluster keeps its keys, and only its issuer changes.
        jwks_url=issuer.jwks_url if files else None,
    )
    return {
        "apiserver_flags": issuer_flags.as_flags(flags),
        "apiserver_args": flags,
        "kubeadm_extra_args": issuer_flags.as_extra_args(flags),
        "k3s_args": issuer_flags.as_k3s_args(flags),
        "apiserver_key_files": files,
    }


def _key_files(spec: IssuerSpec) -> t.Iterator[dict[str, str]]:
    """Yield the private key file and then the public one: path on the key's host, path for the API server, mode."""
    for path, mode in ((spec.key.path, _PRIVATE_MODE), (spec.key.public_key_path, _PUBLIC_MODE)):
        if path:
            dest = issuer_flags.path_on_server(path, spec.apiserver_key_dir)
            yield {"src": path, "dest": dest, "mode": mode}
