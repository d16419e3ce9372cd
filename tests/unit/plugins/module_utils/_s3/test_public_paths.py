# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be opened is named: a pattern that matches objects of any name is refused."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import public_paths


@pytest.mark.parametrize(
    "path",
    [
        "keys.json",
        ".well-known/openid-configuration",
        "clusters/prod/keys.json",
        "openid/v1/jwks",
        "*/keys.json",
        "*/.well-known/openid-configuration",
        "clusters/prod-?/keys.json",
        "docs[1]/keys.json",
        "Größe/keys.json",
    ],
)
def test_keys_of_documents_in_any_folder_are_accepted(path):
    public_paths.check([path])


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        *((path, "opens objects of any name") for path in ("*", "**", "?*", "*/*", "prod/*", "*.json", "*keys.json")),
        *((path, "opens objects of any name") for path in ("keys.json*", "keys.jso?", "*/.well-known/*")),
        ("*/${aws:username}/keys.json", "has a policy variable"),
        ("${*}", "has a policy variable"),
        ("arn:aws:s3:::bucket/keys.json", "is an address"),
        ("https://bucket.s3.eu-west-1.amazonaws.com/keys.json", "is an address"),
        *((path, "has an empty part") for path in ("", "/", "/keys.json", "prod/", "a//keys.json")),
        *((path, "has an empty part") for path in ("..", "../keys.json", "a/./keys.json", "a/..")),
        ("keys\n.json", "has a control character"),
        ("x" * 1025, "more than 1024 bytes"),
    ],
)
def test_paths_that_stand_for_more_than_documents_are_refused(path, reason):
    with pytest.raises(IrsaError) as caught:
        public_paths.check(["keys.json", path], "irsa_issuer_bucket_public_paths")
    assert str(caught.value).startswith("irsa_issuer_bucket_public_paths: ") and reason in str(caught.value)
