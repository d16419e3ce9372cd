#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_keypair
short_description: The key pair that a Kubernetes API server signs service account tokens with
version_added: 0.1.0
description:
  - Makes a private signing key and its public forms on the target host, or adopts a key that is there already.
  - A private key is never replaced unless O(regenerate) says so. A new one is readable by its owner alone from its
    first byte, and put in place in one step, so that of two runs at once the second adopts the first's key.
  - No byte of a private key is ever in a result, a diff or a log.
options:
  path:
    description:
      - Path of the private key, unencrypted PEM in the form PKCS#1, SEC1 or PKCS#8.
      - Its directory must exist, belong to the user or to root, and be writable by nobody else. Key files are never
        written through a symbolic link.
    type: path
    required: true
  public_key_path:
    description:
      - Path of the public key in PKIX PEM, which C(--service-account-key-file) reads. Omitted, it is not written.
      - A file that is missing or damaged, or holds the public part of another key, is written anew, with a warning in
        the latter cases.
    type: path
  openssh_public_key_path:
    description:
      - Path of the public key as an OpenSSH line. Omitted, it is not written.
    type: path
  type:
    description:
      - Type of the key. Omitted, any usable key is adopted, and a new one is V(RSA).
    type: str
    choices: [RSA, ECDSA]
  size:
    description:
      - Size of an RSA key in bits. Omitted, any size from 2048 bits is adopted, and a new key has 2048.
    type: int
    choices: [2048, 3072, 4096]
  curve:
    description:
      - Curve of an ECDSA key. Omitted, each of the three is adopted, and a new key is on P-256.
      - AWS verifies all three. Ceph's STS verifies RSA alone.
    type: str
    choices: [P-256, P-384, P-521]
  format:
    description:
      - Form of the private key file. V(traditional) is PKCS#1 for RSA and SEC1 for ECDSA, V(pkcs8) is PKCS#8.
      - V(auto) writes a new key V(traditional), and leaves the form of one that is there alone.
      - kube-apiserver reads both as a signing key; as C(--service-account-key-file) it does not read an elliptic-curve
        key in PKCS#8, so give it O(public_key_path) there.
    type: str
    choices: [auto, traditional, pkcs8]
    default: auto
  regenerate:
    description:
      - When a key that is there is replaced by a new one.
      - V(never) keeps it, with a warning when it is not of the wanted type, size or curve.
      - V(fail) stops the run then.
      - V(always) makes a new key in each run. Every token signed with the old one becomes invalid once API servers use
        the new one alone, so this is no way to rotate keys.
      - A file that is no usable key stops the run with V(never) and V(fail).
    type: str
    choices: [never, fail, always]
    default: fail
  create:
    description:
      - Whether to make a key where there is none. With V(false) the module only says so (RV(exists)), and still adopts
        and checks what is there.
    type: bool
    default: true
  backup:
    description:
      - Whether to keep a private key that is replaced, rewritten or removed, under a name of its own beside it.
    type: bool
    default: false
  state:
    description:
      - V(absent) removes the private key and the public forms named.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - ansible.builtin.files
  - selfhosted.irsa._attributes
attributes:
  idempotent:
    support: partial
    details:
      - The module is not idempotent if O(regenerate=always).
requirements:
  - cryptography >= 3.4
notes:
  - O(mode), O(owner) and O(group) are those of the private key file, which is made with mode V(0600) unless told
    otherwise. The public files get the same owner and group, and the mode V(0644).
  - Runs on control-plane nodes, with Python 3.9 or newer.
seealso:
  - module: selfhosted.irsa.irsa_jwks
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Make the three files of the EKS webhook's guide, or adopt what is there
  selfhosted.irsa.irsa_keypair:
    path: /etc/kubernetes/pki/sa-signer.key
    public_key_path: /etc/kubernetes/pki/sa-signer-pkcs8.pub
    openssh_public_key_path: /etc/kubernetes/pki/sa-signer.key.pub

- name: Adopt the key that kubeadm made
  selfhosted.irsa.irsa_keypair:
    path: /etc/kubernetes/pki/sa.key
    public_key_path: /etc/kubernetes/pki/sa.pub
    create: false

- name: Make an elliptic-curve key that a control plane of its own user can read
  selfhosted.irsa.irsa_keypair:
    path: /srv/irsa/signer.key
    type: ECDSA
    curve: P-384
    owner: kube-apiserver
    mode: "0600"
"""

RETURN = r"""
path:
  description: Path of the private key.
  returned: always
  type: str
  sample: /etc/kubernetes/pki/sa-signer.key
public_key_path:
  description: Path of the public key in PKIX PEM, or null.
  returned: always
  type: str
  sample: /etc/kubernetes/pki/sa-signer-pkcs8.pub
exists:
  description: Whether there is a key when the module ends. In check mode V(false) while one would be made.
  returned: always
  type: bool
  sample: true
kid:
  description:
    - Key ID, as Kubernetes puts it into tokens. Null while the key is not known, in check mode or with O(create=false).
  returned: always
  type: str
  sample: ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng
algorithm:
  description: JWS algorithm that Kubernetes signs with, or null.
  returned: always
  type: str
  sample: RS256
public_key:
  description: Public key in PKIX PEM, or null.
  returned: always
  type: str
  sample: |
    -----BEGIN PUBLIC KEY-----
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA…
    -----END PUBLIC KEY-----
openssh_public_key:
  description: Public key as an OpenSSH line, or null.
  returned: always
  type: str
  sample: ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDs…
fingerprint:
  description: SHA-256 of the DER SubjectPublicKeyInfo in hexadecimal digits, or null.
  returned: always
  type: str
  sample: 6716aaa6722e24dbfab322a51bcd57e77f57307548be968f574ce25f8f3e4278
size:
  description: Size of an RSA key in bits, or null.
  returned: always
  type: int
  sample: 2048
curve:
  description: Curve of an ECDSA key, or null.
  returned: always
  type: str
  sample: null
backup_file:
  description: Name under which the private key was kept.
  returned: when O(backup=true) and a private key was replaced, rewritten or removed
  type: str
  sample: /etc/kubernetes/pki/sa-signer.key.5f0c8b1e.bak
actions:
  description: The files written or removed, in order; in check mode those that would be.
  returned: always
  type: list
  elements: str
  sample: ["file:CreatePrivateKey", "file:WritePublicKey", "file:WriteOpensshPublicKey"]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import keypair_task, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude, require


class KeypairModule(AnsibleModule):
    def add_path_info(self, kwargs: dict) -> dict:
        """Ansible adds facts of the file at ``path``, whose size in bytes has the name of the key's size in bits."""
        return {**super().add_path_info(dict(kwargs)), **kwargs}


def main() -> None:
    module = KeypairModule(
        argument_spec=dict(
            path=dict(type="path", required=True),
            public_key_path=dict(type="path"),
            openssh_public_key_path=dict(type="path"),
            type=dict(type="str", choices=["RSA", "ECDSA"]),
            size=dict(type="int", choices=[2048, 3072, 4096]),
            curve=dict(type="str", choices=["P-256", "P-384", "P-521"]),
            format=dict(type="str", default="auto", choices=["auto", "traditional", "pkcs8"]),
            regenerate=dict(type="str", default="fail", choices=["never", "fail", "always"]),
            create=dict(type="bool", default=True),
            backup=dict(type="bool", default=False),
            state=dict(type="str", default="present", choices=["present", "absent"]),
        ),
        add_file_common_args=True,
        supports_check_mode=True,
    )
    require(
        module, f"cryptography >= {signing_key.MINIMAL_CRYPTOGRAPHY_VERSION}", signing_key.CRYPTOGRAPHY_IMPORT_ERROR
    )
    conclude(module, lambda: keypair_task.run(module, module.params))


if __name__ == "__main__":
    main()
