# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What verify prints."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import NEXT
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._issuer_lines import MANY
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._verify_lines import table_lines, verify_lines
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import check, printed

ISSUER = "https://irsa-prod.s3.eu-west-1.amazonaws.com"
NOT_BEGUN = {"msg": "The issuer URL has a port."}


def result(*checks, **more):
    return {"issuer": ISSUER, "checks": list(checks), **more}


UNASKED = {"token": "irsa_verify_token_path", "role": "irsa_verify_role_arn"}
SOUND = result(check("dns-resolve"), check("jwk-kid"), not_asked=UNASKED)
ODD = result(check("dns-resolve"), check("algorithms", "warning", "They differ."))
BROKEN = result(
    check("dns-resolve"),
    check("kid-expected", "error", "A key is missing.", cause="A cause.", remedy="Publish it."),
    check("token-kid", "skipped", "There is no token."),
    not_asked={"role": "irsa_verify_role_arn"},
)


class TestOneIssuer:
    def test_what_is_right_is_counted_by_area(self):
        assert printed(verify_lines({"localhost": SOUND})) == [
            "✓ ok: 2 passed",
            f"  issuer      {ISSUER}",
            "✓ connection  1 of 1",
            "✓ keys        1 of 1",
            "- not asked for: token (set irsa_verify_token_path), role (set",
            "    irsa_verify_role_arn)",
            "→ Next: nothing to do.",
        ]

    def test_what_is_wrong_is_printed_in_full(self):
        assert printed(verify_lines({"localhost": BROKEN})) == [
            "✗ broken: 1 passed, 1 error, 1 skipped",
            f"  issuer      {ISSUER}",
            "✓ connection  1 of 1",
            "✗ keys        0 of 1",
            "✗ error: kid-expected: A key is missing.",
            "    likely cause: A cause.",
            "    remedy: Publish it.",
            "    see: docs/troubleshooting.md#kid-expected",
            "- skipped: token-kid: There is no token.",
            "- not asked for: role (set irsa_verify_role_arn)",
            "→ Next: start with kid-expected, then verify again.",
        ]

    def test_every_check_is_listed_on_demand(self):
        lines = printed(verify_lines({"localhost": BROKEN}, verbose=True))
        for name in ("✓ ok: dns-resolve", "✗ error: kid-expected", "- skipped: token-kid"):
            assert any(line.startswith(name) for line in lines)

    def test_nothing_is_left_to_do_once_sts_has_accepted_a_token(self):
        assert printed(verify_lines({"localhost": result(check("sts-assume"))}))[-1] == "→ Next: nothing to do."

    def test_next_step_is_the_cause_and_not_the_refusal_that_follows_from_it(self):
        seen = "The key does not verify the signature."
        checks = [
            check("content-type", "error", "Not JSON."),
            check("token-signature", "error", seen),
            {**check("sts-assume", "error", "STS refuses it."), "because": "token-signature"},
        ]
        lines = printed(verify_lines({"localhost": result(*checks)}))
        assert lines[-1] == "→ Next: start with token-signature, then verify again."

    def test_next_step_is_the_refusal_where_nothing_else_was_found(self):
        refused = check("sts-assume", "error", "STS refuses it.")
        lines = printed(verify_lines({"localhost": result(refused)}))
        assert lines[-1] == "→ Next: start with sts-assume, then verify again."

    def test_issuer_that_could_not_be_verified_has_its_message(self):
        assert printed(verify_lines({"localhost": NOT_BEGUN})) == [
            "✗ not verified: The issuer URL has a port.",
            "→ Next: correct what the message says, then verify again.",
        ]


class TestFleet:
    RESULTS = {"sound": SOUND, "broken": BROKEN, "http": NOT_BEGUN}  # noqa: RUF012

    def test_each_cluster_is_named(self):
        lines = printed(verify_lines(self.RESULTS))
        assert [line for line in lines if line[2:].startswith(tuple(self.RESULTS))] == [
            "✓ sound: ok: 2 passed",
            "✗ broken: broken: 1 passed, 1 error, 1 skipped",
            "✗ http: not verified: The issuer URL has a port.",
        ]
        assert "  passed      connection 1, keys 1" in lines
        assert "    remedy: Publish it." in lines

    def test_of_many_clusters_the_sound_ones_have_a_line_each(self):
        results = {f"prod-{number}": SOUND for number in range(MANY)}
        lines = printed(verify_lines({**results, "broken": BROKEN}))
        assert len(lines) == MANY + 6
        assert "    remedy: Publish it." in lines

    def test_many_clusters_are_listed_in_full_on_demand(self):
        lines = printed(verify_lines({f"prod-{number}": SOUND for number in range(MANY + 1)}, verbose=True))
        assert sum(line.startswith("✓ ok: dns-resolve") for line in lines) == MANY + 1

    def test_table_has_a_row_for_each_and_the_next_step_last(self):
        assert printed(table_lines(self.RESULTS)) == [
            "  cluster  verdict       passed  findings",
            "✓ sound    ok                 2  -",
            "✗ broken   broken             1  kid-expected",
            "✗ http     not verified       0  The issuer URL has a port.",
            "✗ 3 clusters: 1 ok, 1 broken, 1 not verified",
            "- not asked for: role (set irsa_verify_role_arn)",
            "→ Next: follow the remedies above, the first one of each cluster first. Then",
            "        verify again.",
        ]

    def test_table_of_sound_clusters_has_nothing_to_do(self):
        lines = table_lines({"a": SOUND, "b": SOUND})
        assert (lines[-1].text, lines[-1].status) == ("nothing to do.", NEXT)

    @pytest.mark.parametrize("name", ["a", "cluster-of-a-rather-long-name-in-region-eu-west-1"])
    def test_table_fits_into_80_columns(self, name):
        many = result(*(check(f"jwk-{letter * 12}", "error") for letter in "abcdefghij"))
        for line in printed(table_lines({name: many, "warned": ODD})):
            assert len(line) <= 80

    def test_names_cannot_reach_the_terminal_as_control_characters(self):
        lines = [*verify_lines({"a\x1b[2J": SOUND, "b": BROKEN}), *table_lines({"a\x1b[2J": SOUND, "b": BROKEN})]
        assert all(line.isprintable() for line in printed(lines))
