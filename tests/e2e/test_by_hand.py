# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of the EKS pod identity webhook's guide, which people have followed by hand, and what it leaves behind.

https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/SELF_HOSTED_SETUP.md
"""

from __future__ import annotations

import json
import subprocess

from endpoint import Endpoint, Site, setting
from runs import Ansible

KEY_FILES = ("sa-signer.key", "sa-signer.key.pub", "sa-signer-pkcs8.pub")


def test_the_guides_outcome_is_reproduced(endpoint: Endpoint, each_site: Site, ansible: Ansible) -> None:
    variables = {**each_site.variables, "irsa_issuer_legacy_empty_kid": True}
    ansible.provision(variables)

    assert {path.name for path in ansible.folder.glob("sa-signer*")} == set(KEY_FILES)
    first_lines = [(ansible.folder / name).read_text(encoding="ascii").splitlines()[0] for name in KEY_FILES]
    assert first_lines[0] == "-----BEGIN RSA PRIVATE KEY-----"
    assert first_lines[1].startswith("ssh-rsa ")
    assert first_lines[2] == "-----BEGIN PUBLIC KEY-----"

    keys, discovery = (json.loads(endpoint.fetch(url).body) for url in each_site.documents)
    assert discovery == {
        "issuer": each_site.issuer,
        "jwks_uri": f"{each_site.issuer}/keys.json",
        "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "iss"],
    }

    provider = endpoint.provider(each_site.issuer)
    assert provider is not None and provider["ClientIDList"] == ["sts.amazonaws.com"]
    assert ansible.provision(variables).changed == 0

    # The guide's own program, and then jq '.keys += [.keys[0]] | .keys[1].kid = ""'.
    program = setting("SELF_HOSTED_KEYS", "the EKS pod identity webhook's self-hosted-keys")
    command = [program, "-key", str(ansible.folder / "sa-signer-pkcs8.pub")]
    printed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert keys == {"keys": [printed["keys"][0], {**printed["keys"][0], "kid": ""}]}


def test_what_the_guide_left_behind_is_adopted(endpoint: Endpoint, site: Site, ansible: Ansible) -> None:
    """Key, bucket and documents made by hand: nothing is created again, and the API server's tokens stay valid."""
    first = ansible.provision(site.variables)
    endpoint.delete_provider(site.issuer)
    endpoint.delete_bucket(site.bucket)

    endpoint.make_bucket(site.bucket)
    key, discovery = (json.loads(first.result[name]) for name in ("jwks_json", "discovery_json"))
    by_hand = {"keys": [*key["keys"], {**key["keys"][0], "kid": ""}]}
    texts = ("keys.json", by_hand), (".well-known/openid-configuration", discovery)
    for name, document in texts:
        endpoint.s3.put_object(Bucket=site.bucket, Key=name, Body=json.dumps(document).encode())

    rehearsal = ansible.provision(site.variables, "--check")
    adopted = ansible.provision(site.variables)
    assert adopted.result["actions"] == rehearsal.result["actions"]
    assert "s3:CreateBucket" not in adopted.result["actions"]
    assert adopted.result["kid"] == first.result["kid"]
    assert [endpoint.fetch(url).status for url in site.documents] == [200, 200]
    assert ansible.provision(site.variables).changed == 0


def test_the_key_files_are_kept_in_a_private_bucket(endpoint: Endpoint, site: Site, ansible: Ansible) -> None:
    private = f"{site.bucket}-keys"
    endpoint.make_bucket(private)
    try:
        variables = {**site.variables, "irsa_issuer_key_backup": f"s3://{private}/prod"}
        settings = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        open_to_policies = {name: name.endswith("Acls") for name in settings}
        endpoint.s3.put_public_access_block(Bucket=private, PublicAccessBlockConfiguration=open_to_policies)
        refused = ansible.provision(variables, fails=True)
        assert f"{private} does not block all public access" in refused.output
        assert "Contents" not in endpoint.s3.list_objects_v2(Bucket=private)

        closed = dict.fromkeys(settings, True)
        endpoint.s3.put_public_access_block(Bucket=private, PublicAccessBlockConfiguration=closed)
        made = ansible.provision(variables)
        for name in KEY_FILES:
            stored = endpoint.s3.get_object(Bucket=private, Key=f"prod/{name}")["Body"].read()
            assert stored == (ansible.folder / name).read_bytes()
            assert endpoint.fetch(f"{site.issuer.replace(site.bucket, private)}/prod/{name}").status == 403
        assert len(made.writes) == len(made.calls_that_write)
        again = ansible.provision(variables)
        assert again.changed == 0 and not again.writes
        public = ansible.provision({**variables, "irsa_issuer_key_backup": f"s3://{site.bucket}/keys"}, fails=True)
        assert "irsa_issuer_key_backup" in public.output and not public.writes
    finally:
        endpoint.delete_bucket(private)
