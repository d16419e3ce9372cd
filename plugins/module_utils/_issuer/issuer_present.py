# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""An issuer as a whole: bucket, documents and provider, read and planned together and made in the safe order."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import provider, thumbprint
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set, issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_present, bucket_base, publication
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import verification
from ansible_collections.selfhosted.irsa.plugins.module_utils._web import https
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity_checks import Identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerWish, SigningKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.plan import Change, Outcome, Room, carry_out, planned
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_rules import AUTO

# S3 serves a new bucket and a new policy everywhere only after a moment.
_PATIENCE = 30


def ensure_present(aws: Aws, wish: IssuerWish, check_mode: bool) -> Outcome:
    """Make bucket, documents and provider what they are to be. Needs the clients s3, iam, sts and (at AWS) s3control.

    Whatever is wrong is found before anything is written, as far as it can be. While there is no key, the bucket alone
    is made: the outcome's ``key_wanted`` is true then, ``key_is_lost`` says why a new key must not be made, and
    ``prepared`` is what the next run, with the key, goes on from. Otherwise ``issuer`` sums the whole run up. Raises
    IrsaError.
    """
    if wish.prepared and not wish.key.exists and not check_mode:
        # Documents that say what they will hold are for a preview alone.
        raise IrsaError("The key has not been made, so that there is nothing to publish. Make it, and run again.")
    run = _Run(aws, wish, check_mode)
    with _after(lambda: run.actions, run.all_warnings, check_mode):
        return run.before_the_key() if not wish.key.exists and not wish.prepared else run.with_the_key()


def ensure_with_key(
    aws: Aws, wish: IssuerWish, check_mode: bool, key_result: t.Callable[[bool], dict[str, t.Any]]
) -> dict[str, t.Any]:
    """The whole sequence where the key is at hand, too; returns what module irsa_issuer does.

    ``key_result`` looks at the key, or with True makes it where there is none, and returns what irsa_keypair does.
    Raises IrsaError.
    """
    found = key_result(False)
    if found["exists"]:
        with _after(lambda: found["actions"], lambda: found["warnings"], check_mode):
            return _with_key(
                found, ensure_present(aws, dataclasses.replace(wish, key=SigningKey.of(found)), check_mode)
            )
    before = ensure_present(aws, wish, check_mode)
    lost = before.values["key_is_lost"]
    with _after(lambda: before.actions, lambda: before.warnings, check_mode):
        # Where an issuer depends on a lost key none is made, but that of a run at the same time is adopted.
        made = key_result(lost is None)
        if lost and not made["exists"]:
            raise IrsaError(f"The key file {made['path']} does not exist on localhost, and {lost}")
        complete = dataclasses.replace(wish, key=SigningKey.of(made), prepared=before.values["prepared"] or {})
        with _after(lambda: made["actions"], lambda: made["warnings"], check_mode):
            return _with_key(made, ensure_present(aws, complete, check_mode), before)


@contextlib.contextmanager
def _after(
    actions: t.Callable[[], t.Sequence[str]], warnings: t.Callable[[], t.Sequence[str]], check_mode: bool
) -> t.Iterator[None]:
    """Whatever fails in here says what had been written, and what had been noticed, until then."""
    try:
        yield
    except IrsaError as error:
        error.warnings = list(dict.fromkeys([*warnings(), *error.warnings]))
        if not check_mode:
            error.details["actions"] = [*actions(), *error.details.get("actions", [])]
        raise


def _with_key(key: dict[str, t.Any], after: Outcome, before: t.Optional[Outcome] = None) -> dict[str, t.Any]:
    """One result of what was done before the key, on the key, and after it."""
    first = [before] if before else []
    return {
        **after.result,
        "changed": key["changed"] or any(outcome.changed for outcome in (*first, after)),
        "actions": [action for outcome in first for action in outcome.actions] + key["actions"] + after.actions,
        "diff": [entry for outcome in first for entry in outcome.diff]
        + ([key["diff"]] if key["changed"] else [])
        + after.diff,
        "warnings": list(dict.fromkeys([*key["warnings"], *(before.warnings if before else []), *after.warnings])),
    }


class _Run:
    """One run: the rooms that take part in it, and what each of them changed."""

    def __init__(self, aws: Aws, wish: IssuerWish, check_mode: bool) -> None:
        self.aws = aws
        self.wish = wish
        self.check_mode = check_mode
        self.outcomes: list[Outcome] = []
        self.warnings: list[str] = []
        self.documents: t.Optional[publication.Publication] = None
        self.place = self._bucket_room()
        self.url = wish.url or f"https://{self.place.values()['host']}{wish.slash_prefix}"
        issuer_url.parse(self.url)

    # --- the rooms

    def _bucket_room(self) -> t.Optional[bucket_base.BucketRoom]:
        """The bucket's room: one that changes it, or one that only knows where it is."""
        if not self.wish.bucket:
            return None
        bucket_wish = self.wish.of_bucket(self.wish.public_paths)
        if self.wish.prepared or not self.wish.manage_bucket:
            return bucket_base.BucketRoom(self.aws, bucket_wish)
        return bucket_present.PresentBucket(self.aws, bucket_wish, once_found=self._begin_documents)

    def _publication(self, texts: t.Mapping[str, t.Any]) -> publication.Publication:
        return publication.Publication(
            self.aws,
            self.wish.of_documents(
                self.url, self.place.account_id, texts.get("jwks_json"), texts.get("discovery_json")
            ),
        )

    def _provider(self, thumbprints: t.Optional[t.Sequence[str]]) -> provider.PresentProvider:
        wish, prepared = self.wish, self.wish.prepared
        # Of an account that was looked up, or compared when the bucket was made in it, nothing has to be confirmed.
        known = not wish.account_id or (prepared.get("created") and prepared["account_id"] == wish.account_id)
        return provider.PresentProvider(
            self.aws,
            provider.ProviderWish(
                url=self.url,
                client_ids=wish.audiences,
                thumbprints=thumbprints,
                tags=wish.tags,
                account_id=wish.provider_account(self.place and self.place.account_id),
                confirm_account=not known,
            ),
        )

    @property
    def _route(self) -> https.Route:
        return https.Route(self.wish.connect_to, self.wish.ca_path)

    # --- the runs

    def before_the_key(self) -> Outcome:
        """There is no key yet. A new one may be made only where no issuer depends on a lost one; then the bucket is
        made, so that whatever is wrong at AWS stops the run while there is no key.
        """
        self.documents = self._publication({}) if self.place else None
        registered = self._provider(None)
        plan = self._plan_bucket()
        creates = _creates(plan)
        if not creates or self.wish.served_elsewhere:
            registered.begin()
        kids: list[t.Any] = []
        if self.documents is not None:
            if creates:
                self.documents.take_for_new()
            planned(self.documents)
            kids = [key.get("kid") for key in self.documents.present_keys]
        # Without published keys the provider accepts nothing, and a new key breaks nothing. What another host than the
        # bucket's own serves cannot be told, so there the provider alone counts. A bucket that is not made yet serves
        # nobody.
        looks = self.wish.served_elsewhere or not creates
        looked_up = registered.read() if looks else None
        is_lost = looked_up is not None and (self.wish.served_elsewhere or bool(kids))
        if not is_lost and isinstance(self.place, bucket_present.PresentBucket):
            self._carry_out(self.place, plan)
        return self._outcome(
            key_wanted=True,
            key_is_lost=self._lost_key_message(looked_up["arn"], kids) if is_lost else None,
            prepared=None if is_lost else self._prepared(creates, unregistered=looks and looked_up is None),
            issuer=None,
        )

    def with_the_key(self) -> Outcome:
        """Everything, from the public key on; in check mode that may not be known yet."""
        wish = self.wish
        texts = document_set.texts(self.url, self._named_keys(), wish.legacy_empty_kid) if wish.key.exists else {}
        self.documents = self._publication(texts) if self.place else None
        automatic = list(wish.thumbprints or []) == [AUTO]
        registered = None if automatic else self._provider(wish.thumbprints)
        if registered is not None and wish.prepared.get("unregistered"):
            registered.take_for_new()
        elif registered is not None:
            registered.begin()
        bucket_plan = self._plan_bucket()
        documents_plan: list[Change] = []
        if self.documents is not None:
            if _creates(bucket_plan) or wish.prepared.get("without_documents"):
                self.documents.take_for_new()
            documents_plan = planned(self.documents)
        served = None if self.place else self._look_at_own_host()
        left_out = served is not None and served.verdict == "broken" and not self._is_registered(registered)
        provider_plan = None if registered is None or left_out else planned(registered)

        if isinstance(self.place, bucket_present.PresentBucket):
            self._carry_out(self.place, bucket_plan)
        published = texts if self.documents is None else self._carry_out(self.documents, documents_plan).values
        if left_out:
            registered = None
        else:
            if registered is None:
                registered = self._provider([thumbprint.of_issuer(self.url, self._route)])
            self._carry_out(registered, provider_plan)
        if served is not None and served.verdict == "broken":
            self.warnings.append(self._what_to_serve(served, left_out))
        report = served or self._verify(registered)
        summary = self._summary(published, registered, report)
        return self._outcome(key_wanted=False, key_is_lost=None, prepared=None, issuer=summary)

    def _begin_documents(self) -> None:
        if self.documents is not None:
            self.documents.begin()

    def _plan_bucket(self) -> list[Change]:
        """The writes that the bucket needs; none where it is somebody else's or was made by the run before."""
        if self.place is None or self.wish.prepared:
            return []
        self.place.begin()
        if isinstance(self.place, bucket_present.PresentBucket):
            return planned(self.place)
        if not self.place.exists():
            raise self.place.missing()
        return []

    def _carry_out(self, room: Room, plan: t.Optional[list[Change]]) -> Outcome:
        self.outcomes.append(room.outcome(carry_out(self.aws, room, self.check_mode, plan)))
        return self.outcomes[-1]

    def _named_keys(self) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
        yield document_set.from_pem("The public key", (self.wish.key.public_key or "").encode("utf-8", "replace"))
        yield from document_set.from_jwks_list("extra_jwks", self.wish.extra_jwks)

    # --- an issuer that somebody else serves

    def _look_at_own_host(self) -> verification.Report:
        """IAM reads the documents when it makes a provider, so they have to be served first."""
        return verification.verify(self._expectation())

    def _is_registered(self, registered: t.Optional[provider.PresentProvider]) -> bool:
        """A provider that is there stays in care, whatever its host does just now."""
        return (registered or self._provider(None)).read() is not None

    def _what_to_serve(self, served: verification.Report, left_out: bool) -> str:
        return (
            f"The issuer's documents are not served{', so the provider is left out' if left_out else ''}. "
            f"{served.diagnosis} Serve the text irsa_issuer_result.jwks_json at {self.url}/{issuer_url.JWKS_PATH} and "
            f"irsa_issuer_result.discovery_json at {self.url}/{issuer_url.DISCOVERY_PATH}, both as application/json to "
            "anybody, then run again."
        )

    # --- the end

    def _expectation(self, registered: t.Optional[provider.PresentProvider] = None) -> verification.Expectation:
        kids = (self.wish.key.kid,) if self.wish.key.kid else ()
        # What the run knows of the provider need not be asked again.
        known = registered and Identity(
            look_at_provider=False, known_provider=registered.values(), audiences=tuple(self.wish.audiences)
        )
        bucket_owner = self.place.account_id if self.place else None
        return verification.Expectation(self.url, self._route, kids, known, bucket_account_id=bucket_owner)

    def _verify(self, registered: t.Optional[provider.PresentProvider]) -> t.Optional[verification.Report]:
        """Fetch the documents as a stranger would; in check mode only when they are what they are to be. AWS is asked
        only why they cannot be read.
        """
        changed = any(outcome.changed for outcome in self.outcomes) or self.wish.key.changed
        if not self.wish.verify or (self.check_mode and changed):
            return None
        report = verification.verify_patiently(self._expectation(registered), _PATIENCE if changed else 0, self.aws)
        if report.verdict == "broken":
            raise IrsaError(
                f"The issuer {self.url} does not work. {report.diagnosis}",
                checks=[dataclasses.asdict(check) for check in report.checks],
                report=report.text,
            )
        return report

    def _lost_key_message(self, arn: str, kids: t.Sequence[t.Any]) -> str:
        published = f", and the keys {', '.join(map(str, kids))} are published" if kids else ""
        return (
            f"the issuer {self.url} is in use: {arn} is registered{published}. A new key would break every pod once "
            "the API server signs with it. Restore the key file from where it was (a backup, the volume of an "
            "execution environment, /etc/kubernetes/pki of a control-plane node). If the key is really lost, make a "
            "new one with selfhosted.irsa.irsa_keypair at that path and run again; the published keys stay until "
            "irsa_issuer_purge_keys is set."
        )

    def _prepared(self, creates: bool, unregistered: bool) -> dict[str, t.Any]:
        return {
            "account_id": self.place.account_id if self.place else None,
            "created": creates,
            # What was not there need not be looked for again: a write that meets somebody else's is planned anew.
            "without_documents": self.documents is not None and not any(self.documents.etags.values()),
            "unregistered": unregistered,
            "changed": any(outcome.changed for outcome in self.outcomes),
            "actions": self.actions,
            "permissions": sorted(self.aws.permissions),
        }

    def _summary(
        self,
        published: t.Mapping[str, t.Any],
        registered: t.Optional[provider.PresentProvider],
        report: t.Optional[verification.Report],
    ) -> dict[str, t.Any]:
        """What role irsa_issuer leaves behind as ``irsa_issuer_result``."""
        wish, key, prepared = self.wish, self.wish.key, self.wish.prepared
        # Public forms of a key that is there are mended before the bucket is touched, and a new key is made after it.
        before = [prepared.get("actions", []), key.actions]
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/{issuer_url.JWKS_PATH}",
            "provider_arn": registered and registered.arn,
            # A list of one today.
            "providers": [{"account_id": registered.account_id, "arn": registered.arn}] if registered else [],
            "kid": key.kid,
            "algorithm": key.algorithm,
            "keys": published.get("published_keys", []),
            "bucket": wish.bucket,
            "documents": published.get("documents", []),
            "jwks_json": published.get("jwks_json"),
            "discovery_json": published.get("discovery_json"),
            "public_key": key.public_key,
            "apiserver_flags": key.apiserver_flags(self.url),
            "actions": [action for actions in before for action in actions] + self.actions,
            "permissions": sorted({*prepared.get("permissions", []), *self.aws.permissions}),
            "changed": bool(prepared.get("changed") or key.changed or self.actions),
            "verification": report and report.text,
        }

    @property
    def actions(self) -> list[str]:
        """The writes of all rooms, in order."""
        return [action for outcome in self.outcomes for action in outcome.actions]

    def all_warnings(self) -> list[str]:
        """Those of the rooms and of the run, each once."""
        of_rooms = [warning for outcome in self.outcomes for warning in outcome.warnings]
        return list(dict.fromkeys([*of_rooms, *self.warnings]))

    def _outcome(self, **values: t.Any) -> Outcome:
        changes = [change for outcome in self.outcomes for change in outcome.changes]
        return Outcome(changes, values, self.all_warnings(), sorted(self.aws.permissions))


def _creates(plan: t.Sequence[Change]) -> bool:
    return any(change.operation == "CreateBucket" for change in plan)
