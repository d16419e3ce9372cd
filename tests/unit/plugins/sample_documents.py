# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documents of an issuer in a bucket, with one key."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

REGION = "eu-west-1"
ISSUER = f"https://irsa-prod.s3.{REGION}.amazonaws.com"
JWKS = documents.render({"keys": [jwk_of(samples.P256)]})
DISCOVERY = documents.render(documents.discovery(ISSUER, f"{ISSUER}/keys.json", ["ES256"]))
