# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version of this collection, for reports: a module is shipped without galaxy.yml. A test compares them."""

from __future__ import annotations

VERSION = "0.1.0"
