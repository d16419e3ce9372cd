#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_jwks
short_description: Generate the discovery document and the JWKS of a service account issuer
version_added: 0.1.0
description:
  - Generates the two documents that AWS STS reads from an issuer. The same public keys always result in the same text,
    byte for byte.
  - Refuses keys that STS would refuse, and says why.
  - Refuses a private key that was given by mistake, and masks it in every output.
options:
  issuer:
    description:
      - Issuer URL, byte for byte as in the C(iss) claim of tokens.
    type: str
    required: true
  jwks_uri:
    description:
      - URL at which the JWKS will be served. Defaults to V(keys.json) under the issuer. AWS must be able to reach it.
    type: str
  public_keys:
    description:
      - Public keys as text. Each is PEM (C(PUBLIC KEY), C(RSA PUBLIC KEY) or C(CERTIFICATE)) or an OpenSSH line. All
        keys in a text are published. A certificate beside that of its authority is refused.
      - The first key is the first of the JWKS. A key that is given twice is published once.
    type: list
    elements: str
    default: []
  public_key_paths:
    description:
      - Paths of files with such text, on the host that the module runs on.
    type: list
    elements: path
    default: []
  jwks:
    description:
      - A JWKS whose keys are published as well, or a list of JWKS. Each is an object or its JSON text, such as what
        C(kubectl get --raw /openid/v1/jwks) prints; a single JWK counts as a JWKS.
      - Numbers that are written in a form other than RFC 7518's, such as with padding or a zero octet in front, are
        written in the right one. A key that STS cannot use is refused.
      - Keys for another purpose, such as the encryption key of an identity provider, are left out with a warning, if
        there are others.
    type: raw
  legacy_empty_kid:
    description:
      - Whether to publish the first key a second time with an empty C(kid), for Kubernetes before 1.16, whose tokens
        have none.
    type: bool
    default: false
  dest:
    description:
      - Directory to write the documents into, as V(keys.json) and V(.well-known/openid-configuration), for a web server
        of your own.
      - The module stops if this directory holds documents of another issuer, or publishes keys that were not given.
      - Nothing is written outside of it. A symbolic link that leads out of it is refused.
    type: path
  overwrite:
    description:
      - Whether to replace documents in O(dest) that are not JSON or that belong to another issuer, and to remove
        published keys that were not given. From then on, AWS STS refuses tokens signed with them.
    type: bool
    default: false
extends_documentation_fragment:
  - selfhosted.irsa._attributes
requirements:
  - cryptography >= 3.4
  - jwcrypto >= 1.5
notes:
  - In check mode the keys may be omitted, because the key pair may not have been created yet. The documents are null
    then.
seealso:
  - module: selfhosted.irsa.irsa_publish
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Generate the documents from a key file
  selfhosted.irsa.irsa_jwks:
    issuer: https://irsa-prod.s3.eu-west-1.amazonaws.com
    public_key_paths:
      - /etc/kubernetes/pki/sa.pub
  register: documents

- name: Generate the documents with the keys that the API server accepts today as well
  selfhosted.irsa.irsa_jwks:
    issuer: https://irsa-prod.s3.eu-west-1.amazonaws.com
    public_keys:
      - "{{ keypair.public_key }}"
    jwks: "{{ lookup('ansible.builtin.pipe', 'kubectl get --raw /openid/v1/jwks') }}"
  register: documents
"""

RETURN = r"""
jwks:
  description: The JWKS, or null.
  returned: always
  type: dict
  sample:
    keys:
      - alg: RS256
        e: AQAB
        kid: ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng
        kty: RSA
        n: 7JESNmH5haJ5RVqiFApGR…
        use: sig
discovery:
  description: The discovery document, or null.
  returned: always
  type: dict
  sample:
    issuer: https://irsa-prod.s3.eu-west-1.amazonaws.com
    jwks_uri: https://irsa-prod.s3.eu-west-1.amazonaws.com/keys.json
jwks_json:
  description: The exact text of the JWKS, or null.
  returned: always
  type: str
  sample: "{\n  \"keys\": […]\n}\n"
discovery_json:
  description: The exact text of the discovery document, or null.
  returned: always
  type: str
  sample: "{\n  \"issuer\": \"https://irsa-prod.s3.eu-west-1.amazonaws.com\", …\n}\n"
kids:
  description: Key IDs in the order of the JWKS.
  returned: always
  type: list
  elements: str
  sample: [ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng]
published_keys:
  description: The keys of the JWKS, in the form in which M(selfhosted.irsa.irsa_publish) lists published keys.
  returned: always
  type: list
  elements: dict
  contains:
    kid:
      description: Key ID.
      type: str
    algorithm:
      description: JWS algorithm.
      type: str
    foreign:
      description: Always V(false).
      type: bool
  sample:
    - kid: ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng
      algorithm: RS256
      foreign: false
actions:
  description:
    - The writes under O(dest), in order; in check mode those that would happen. If the module fails, those made before
      that.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude, require
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.document_set import build


class JwksModule(MaskedModule):
    """Masks private keys in these options."""

    public_key_options = ("public_keys", "jwks")


def main() -> None:
    module = JwksModule(
        argument_spec=dict(
            issuer=dict(type="str", required=True),
            jwks_uri=dict(type="str"),
            public_keys=dict(type="list", elements="str", default=[], no_log=False),
            public_key_paths=dict(type="list", elements="path", default=[], no_log=False),
            jwks=dict(type="raw"),
            legacy_empty_kid=dict(type="bool", default=False),
            dest=dict(type="path"),
            overwrite=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    require(
        module,
        {
            signing_key.CRYPTOGRAPHY_REQUIREMENT: signing_key.CRYPTOGRAPHY_IMPORT_ERROR,
            jwk.JWCRYPTO_REQUIREMENT: jwk.JWCRYPTO_IMPORT_ERROR,
        },
    )
    conclude(module, lambda: build(module.params, module.check_mode))


if __name__ == "__main__":
    main()
