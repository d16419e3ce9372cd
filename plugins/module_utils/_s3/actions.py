# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the write of a document is called, by the API and in results."""

from __future__ import annotations

WRITE = "PutObject"
WRITE_ACTION = f"s3:{WRITE}"
