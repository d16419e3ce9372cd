# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status of a check, as results, reports and the trust policy's evaluation have it. The values are a contract."""

from __future__ import annotations

OK = "ok"
WARNING = "warning"
ERROR = "error"
SKIPPED = "skipped"
