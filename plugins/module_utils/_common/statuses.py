# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statuses of a check in results, reports and the evaluation of trust policies. The values are a contract."""

from __future__ import annotations

OK = "ok"
WARNING = "warning"
ERROR = "error"
SKIPPED = "skipped"

# From least to most severe.
SEVERITY = (OK, SKIPPED, WARNING, ERROR)
