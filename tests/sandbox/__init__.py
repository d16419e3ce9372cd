# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The embedded AWS: moto behind a forward HTTPS proxy, made as strict as AWS where it matters here."""

from __future__ import annotations

from .sandbox import Sandbox

__all__ = ["Sandbox"]
