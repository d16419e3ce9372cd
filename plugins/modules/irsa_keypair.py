#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_keypair
short_description: Manage the key pair that a Kubernetes API server signs service account tokens with
version_added: 0.1.0
description:
  - Creates a private signing key and its public forms on the target host, or adopts a key that already exists.
  - A private key is never replaced unless O(regenerate) says so. A new key is never readable by anyone but its owner.
    Its file appears in one step, so if two runs create a key at the same time, the second adopts the key of the first.
  - No result, diff or log contains a byte of a private key.
options:
  path:
    description:
      - Path of the private key, which is unencrypted PEM in PKCS#1, SEC1 or PKCS#8, and which kube-apiserver can read.
      - If the file has several private keys, as C(service.key) of k3s has during a rotation, the first one signs, as
        with kube-apiserver. RV(kids) and RV(public_keys) list all of them. Such a file, and one that also has a
        certificate or a public key, is adopted as it is; it is never replaced, rewritten or removed.
      - The directory is created with mode 0700 if only that one is missing. It is never removed. A warning says if a
        new key is in memory or in the file system of a container, and would be lost with it.
      - Only root, the user who runs the module and O(owner) may own the key or be able to
        replace it, whether the key exists already or is created. This is also checked for all directories above, which
        may be sticky, like C(/tmp). Key files are never written through a symbolic link.
      - The file is replaced, rewritten or removed only if it contains one private key, or the remains of one, and
        nothing else.
    type: path
    required: true
  public_key_path:
    description:
      - Path of the public key in PKIX PEM, which C(--service-account-key-file) reads. If omitted, it is not written. It
        has the public keys of all private keys in O(path).
      - A file that does not exist is created. A file that contains the public key in any form is left as it is, even
        if it also contains other keys, as during a rotation.
      - A file that is damaged, or contains a single other public key in the form that the module writes, is rewritten
        with a warning. Any other file, such as a certificate, a list of other keys or the public key of another private
        key beside it, stops the run before anything is written.
    type: path
  openssh_public_key_path:
    description:
      - Path of the public key as an OpenSSH line. If omitted, it is not written.
      - An existing file is treated like that of O(public_key_path).
    type: path
  type:
    description:
      - Type of the key. If omitted, any usable key is adopted, and a new key is V(RSA).
    type: str
    choices: [RSA, ECDSA]
  size:
    description:
      - Size of an RSA key in bits. If omitted, any size from 2048 bits is adopted, and a new key has 2048 bits.
    type: int
    choices: [2048, 3072, 4096]
  curve:
    description:
      - Curve of an ECDSA key; requires O(type=ECDSA). If omitted, a key on any supported curve is adopted, and a new
        key uses P-256.
      - AWS verifies tokens of all supported curves. Ceph's STS verifies only RSA.
    type: str
    choices: [P-256, P-384, P-521]
  format:
    description:
      - Format of the private key file. V(traditional) is PKCS#1 for RSA and SEC1 for ECDSA, V(pkcs8) is PKCS#8.
      - V(auto) writes a new key as V(traditional), and keeps the format of an existing one.
      - kube-apiserver reads both formats as its signing key. As C(--service-account-key-file) it does not read an
        elliptic-curve key in PKCS#8, so give it O(public_key_path) there.
    type: str
    choices: [auto, traditional, pkcs8]
    default: auto
  regenerate:
    description:
      - Whether an existing key is replaced by a new one.
      - V(never) keeps it, with a warning if it does not match O(type), O(size) or O(curve).
      - V(fail) stops the run if it does not match.
      - V(always) creates a new key in each run. Every token signed with the old key becomes invalid once API servers
        use only the new one, so do not rotate keys this way.
      - A file without a usable key stops the run; with V(always), it is replaced if it is empty or damaged.
    type: str
    choices: [never, fail, always]
    default: fail
  create:
    description:
      - Whether to create a key if there is none. With V(false), the module returns RV(exists=false) instead. It still
        adopts and checks an existing key.
    type: bool
    default: true
  backup:
    description:
      - Whether to keep a backup beside a private key that is replaced, rewritten or removed.
    type: bool
    default: false
  state:
    description:
      - V(absent) removes those public forms of the private key whose paths are set, and then the private key. A file
        with anything else in it is kept, with a warning, and so is a public key whose private key is gone.
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
  - O(mode), O(owner) and O(group) apply to the private key file, which is created with mode V(0600) by default. A mode
    that lets every user write is refused. The public files get the same owner and group, and the mode V(0644).
  - The module runs on control-plane nodes with Python 3.9 or newer.
seealso:
  - module: selfhosted.irsa.irsa_jwks
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Create the three files of the EKS webhook's guide, or adopt existing ones
  selfhosted.irsa.irsa_keypair:
    path: /etc/kubernetes/pki/sa-signer.key
    public_key_path: /etc/kubernetes/pki/sa-signer-pkcs8.pub
    openssh_public_key_path: /etc/kubernetes/pki/sa-signer.key.pub

- name: Adopt the key that kubeadm created
  selfhosted.irsa.irsa_keypair:
    path: /etc/kubernetes/pki/sa.key
    public_key_path: /etc/kubernetes/pki/sa.pub
    create: false

- name: Create an elliptic-curve key for an API server that runs as its own user
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
  description: Whether there is a key when the module ends. In check mode, V(false) if a key would be created.
  returned: always
  type: bool
  sample: true
kid:
  description:
    - Key ID, as Kubernetes puts it into tokens. Null without a key, which is possible in check mode and with
      O(create=false).
  returned: always
  type: str
  sample: ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng
kids:
  description: Key IDs of all keys in O(path), that of the key that signs first. Empty without a key.
  returned: always
  type: list
  elements: str
  sample: [ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng]
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
public_keys:
  description: Public keys in PKIX PEM of all keys in O(path), in the order of RV(kids). Empty without a key.
  returned: always
  type: list
  elements: str
  sample:
    - |
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
  description: Path of the backup of the private key.
  returned: when O(backup=true) and a private key was replaced, rewritten or removed
  type: str
  sample: /etc/kubernetes/pki/sa-signer.key.5f0c8b1e.bak
actions:
  description:
    - Writes to the files, in order; in check mode, those that a run would make. If the module fails, those made before
      that.
  returned: always
  type: list
  elements: str
  sample: ["file:CreateKeyFolder", "file:CreatePrivateKey", "file:WritePublicKey", "file:WriteOpensshPublicKey"]
"""

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import keypair_task, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude, require
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule


class KeypairModule(MaskedModule):
    """A module whose results keep their own values."""

    def add_path_info(self, kwargs: dict[str, t.Any]) -> dict[str, t.Any]:
        """Add Ansible's facts about the file, but not its size in bytes, since ``size`` is that of the key in bits."""
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
    require(module, {signing_key.CRYPTOGRAPHY_REQUIREMENT: signing_key.CRYPTOGRAPHY_IMPORT_ERROR})
    conclude(module, lambda: keypair_task.run(module, module.params))


if __name__ == "__main__":
    main()
