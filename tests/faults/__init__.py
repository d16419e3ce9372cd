# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fault matrix: every API call of a run, with everything that can come between it and its answer."""

from __future__ import annotations

import os
import sys

# So that the collection is imported as ansible_collections.selfhosted.irsa, the way Ansible does.
sys.path.append(os.environ["ANSIBLE_COLLECTIONS_PATH"])
