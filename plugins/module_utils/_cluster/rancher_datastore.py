# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command of k3s and RKE2 that replaces the signing keys in the cluster's datastore: certificate rotate-ca.

https://docs.k3s.io/cli/certificate#service-account-issuer-key-rotation and, in https://github.com/k3s-io/k3s, files

- pkg/cli/cert/cert.go: it sends what it finds in a folder to the server at --server, with the token in the data
  directory;
- pkg/server/handlers/cert.go: that server takes its present files for what is missing, refuses service.key without the
  key that is first in its present one, and writes all of it into the datastore, encrypted;
- pkg/cluster/bootstrap.go: every server writes what the datastore has over its files when it starts, also by a crash.
  A server that joins gets the same. With a file that differs and is 3 seconds younger, it does not start;
- pkg/daemons/control/deps/deps.go: at each start it makes service.current.key of the first private key in service.key,
  RSA or ECDSA.

RKE2 has the same command: https://github.com/rancher/rke2/blob/master/pkg/cli/cmds/cert.go
It restarts its static pods if a file that their arguments name has changed: FILE_HASH in pkg/podtemplate/podtemplate.go
"""

from __future__ import annotations

import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import DatastoreCommand

# Before these, a server with another one in its option --server took its files from that one's disk, not from the
# datastore: https://github.com/k3s-io/k3s/issues/11233, mended by pull request 11844. Earlier still, some did not start
# after the command (issue 11014).
_FIRST = {29: 15, 30: 11, 31: 7, 32: 3}
_VERSION = re.compile(r"\bv1\.(\d+)\.(\d+)")
_EVERYWHERE = ("", "0.0.0.0", "::")


def has_command(version: str | None) -> bool:
    """Whether servers of this version take the keys of the datastore when they start. None: it is not known."""
    found = _VERSION.search(version or "")
    if found is None:
        return False
    minor, patch = map(int, found.groups())
    return patch >= _FIRST[minor] if minor in _FIRST else minor > max(_FIRST)


def command(program: str, *, data_dir: str, address: str, port: str) -> DatastoreCommand:
    """Return the command on a server that listens on this address and port."""
    host = "127.0.0.1" if address in _EVERYWHERE else f"[{address}]" if ":" in address else address
    # Named, since an environment variable or a configuration file may name another server.
    options = (f"--server=https://{host}:{port}", f"--data-dir={data_dir}")
    keys = f"{data_dir}/server/tls"
    return DatastoreCommand(
        words=(program, "certificate", "rotate-ca", *options),
        key_file=f"{keys}/service.key",
        signing_file=f"{keys}/service.current.key",
    )
