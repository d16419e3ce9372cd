# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JWKs of the sample keys, as the collection makes them. Apart from the keys, since nodes have no jwcrypto."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, signing_key
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples


def jwk_of(sample: samples.Sample, **members: t.Any) -> jwk.Jwk:
    """The JWK of a sample key, with these members instead of its own."""
    return {**jwk.from_public_key(signing_key.load_public(samples.public_pem(sample.pkcs8))), **members}
