# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that look like hosts of k3s, RKE2, k0s and MicroK8s, without those programs and without systemd.

A server is a set of namespaces of this machine with files of its own. Its service computes the flags of the API server
from the distribution's files by the distribution's rules, which are written here a second time, from the projects'
sources, and starts the real kube-apiserver with them. Nothing of the collection is imported. Needs root.
"""
