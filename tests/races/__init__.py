# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many runs at once on one bucket, beside a writer that is not ours: what is lost, and how long the window is."""

from __future__ import annotations

import os
import sys

# So that this can import the collection as ansible_collections.selfhosted.irsa, the way Ansible does.
sys.path.append(os.environ["ANSIBLE_COLLECTIONS_PATH"])
