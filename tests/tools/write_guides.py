# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes all documentation that is generated from code, and the names of all variables; ``make guide``.

Usage: python tests/tools/write_guides.py
"""

from __future__ import annotations

import write_known_variables
import write_role_docs
import write_rotation
import write_troubleshooting
import write_variables


def main() -> None:
    write_troubleshooting.main()
    write_role_docs.main()
    write_rotation.main()
    write_variables.main()
    write_known_variables.main()


if __name__ == "__main__":
    main()
