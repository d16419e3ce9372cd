# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an extension may use of the sandbox around it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..answers import Answer
from ..state import Cloud


class Site(ABC):
    """:ivar cloud: the state of the embedded AWS"""

    cloud: Cloud

    @abstractmethod
    def fetch(self, host: str, path: str, origin: str) -> Answer | None:
        """Fetches a document over HTTPS anonymously.

        :param origin: the service that wants it
        :return: the answer; None when nothing answers there
        """
