# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a distribution that this collection does not change itself has to be given: files and commands."""

from __future__ import annotations

import dataclasses
import typing as t

# A cluster that does not exist yet, besides the phases of a running one (model.ACCEPT and so on).
NEW = "new"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What a recipe is for.

    :ivar issuer: the issuer that the API servers are to sign for
    :ivar present_issuers: the issuers that they accept today, the first of which signs; not ours
    :ivar version: the version of the distribution, as the user named it; None: not named
    :ivar cluster_name: the name of the cluster where a distribution needs it; None: not named
    :ivar private_key: the issuer's own key in PEM if it is to be installed; None: the cluster's key is adopted
    :ivar public_key: the public part of the issuer's own key in PEM
    :ivar public_keys: further public keys to accept, in PEM
    :ivar force: go on in spite of what may be overruled
    """

    issuer: str
    present_issuers: tuple[str, ...] = ()
    version: str | None = None
    cluster_name: str | None = None
    private_key: str | None = dataclasses.field(default=None, repr=False)
    public_key: str | None = None
    public_keys: tuple[str, ...] = ()
    force: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecipeFile:
    """A file to be written for the user; with a secret in it, only its owner may read it."""

    name: str
    text: str = dataclasses.field(repr=False)
    is_secret: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """One phase: what to apply, in this order, and what happens then.

    :ivar phase: NEW, or a phase of the model
    :ivar files: what to use in it
    :ivar use: how to use the files where the commands do not say it, in sentences
    :ivar commands: what to run, each a whole command line in which files stand by their names
    :ivar restarts: what restarts, and when to go on, in sentences
    """

    phase: str
    files: tuple[RecipeFile, ...] = ()
    use: str = ""
    commands: tuple[str, ...] = ()
    restarts: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """All phases in order, and what else must be known, in sentences. Warnings are of what can go wrong."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


# What a distribution has: a recipe for the given phases. Raises IrsaError with a whole message if there is none, such
# as for a version that cannot do it.
Cook = t.Callable[[Request, t.Sequence[str]], Recipe]
