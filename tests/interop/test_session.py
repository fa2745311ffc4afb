"""A session with a running demo, through its profiles: SAMSYN_PROFILES names their folder."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import uuid

import verify
from party import Party

PROFILES = pathlib.Path(os.environ["SAMSYN_PROFILES"])
AREA = "sthlm-skarholmen"
PLACE = f"{AREA}/skarholmen-centrum/p1"
CATEGORY = "lighting_fault"
EVENTS = 8


def partner(name):
    return Party(PROFILES / name)


def octets(events):
    return [event.SerializeToString(deterministic=True) for event in events]


def publication():
    """One new observation of deficient lighting, for the signatories and the fire service."""
    labels = {
        "level": 1, "audience": ["signatories", "raddningstjansten"],
        "purposes": ["joint_picture", "local_crime_prevention_planning"],
        "regime": "nonpersonal", "retain_until": "2027-09-01T00:00:00Z",
    }
    observation = {
        "id": f"interop-{uuid.uuid4().hex[:12]}", "category": CATEGORY, "place_id": PLACE,
        "starts_at": "2025-09-30T18:00:00Z", "ends_at": "2025-09-30T19:00:00Z",
        "count": 1, "severity": 3, "trend": "TREND_FLAT", "basis": "BASIS_FACT",
        "source_kind": "resident_report", "labels": labels,
    }
    return {"party": "sdf-skarholmen", "area": AREA, "delta": {"upserts": [observation]}}


class Session(unittest.TestCase):
    def test_a_partner_learns_who_it_is(self):
        for name, live in (("region-stockholm", False), ("raddningstjansten", True)):
            with self.subTest(name), partner(name) as one:
                access = one.whoami()
                self.assertEqual(access.organisation, name)
                self.assertEqual({grant.live for grant in access.grants}, {live})
                self.assertIn("reader", access.roles)

    def test_a_stream_and_a_poll_give_the_same_bytes(self):
        with partner("raddningstjansten") as one:
            watched = []
            for event in one.watch([AREA]):
                watched.append(event)
                if len(watched) == EVENTS:
                    break
            polled = one.poll([AREA], limit=EVENTS).events
        self.assertEqual(len(watched), EVENTS)
        self.assertEqual(octets(watched), octets(polled))
        self.assertEqual(watched[0].WhichOneof("what"), "snapshot_begins")

    def test_what_a_party_publishes_comes_as_an_event_once(self):
        with partner("raddningstjansten") as fire, partner("sdf-skarholmen") as district:
            cursor = self.newest(fire)
            made = publication()
            answer = district.publish(made)
            self.assertFalse(answer.unchanged)
            stream = fire.watch([AREA], cursor)
            event = next(one for one in stream if one.WhichOneof("what") == "finding")
            stream.close()
            self.assertEqual(event.finding.id, f"{PLACE}/{CATEGORY}")
            again = fire.poll([AREA], cursor)
            self.assertIn(octets([event])[0], octets(again.events))
            seen = event.finding.contributions
            self.assertTrue(all(not one.observation.HasField("severity") for one in seen))
            own_id = made["delta"]["upserts"][0]["id"]
            self.assertNotIn(own_id.encode(), octets([event])[0])
            self.assertEqual(len(fire.poll([AREA], again.next_cursor).events), 0)

    def newest(self, one):
        cursor = ""
        while True:
            answer = one.poll([AREA], cursor, limit=500)
            cursor = answer.next_cursor
            if not answer.events:
                return cursor

    def test_the_proof_of_a_released_edition_holds_offline(self):
        with partner("region-stockholm") as one:
            newest, findings, proof = one.edition(AREA)
            pinned = one.profile["descriptor"]
        verified = verify.verify(proof, bytes.fromhex(pinned))
        self.assertEqual((verified.edition, verified.area), (newest.id, newest.area))
        self.assertEqual(verified.content_root, newest.content_root)
        self.assertEqual(verified.round, newest.round)
        self.check_cells(findings, verified.objects)
        for at in range(0, len(proof), max(1, len(proof) // 200)):
            changed = bytearray(proof)
            changed[at] ^= 1
            with self.subTest(at), self.assertRaises(verify.Rejected):
                verify.verify(bytes(changed), bytes.fromhex(pinned))
        self.check_command(proof, pinned)

    def check_cells(self, findings, objects):
        """Every count that is shown comes from a cell, and every cell is shown."""
        shown = []
        for finding in findings:
            category = finding.id.rsplit("/", 1)[1]
            for series in finding.counts:
                amount = (series.WhichOneof("amount"), series.exact or series.below)
                shown.append((category, series.source_kind, amount))
        opened = []
        for one in objects:
            if one["kind"] != "cell":
                continue
            counts = one["groups"]["counts"]
            value, is_band = counts["value"], counts["variant"] == 1
            amount = ("below", value[4]) if is_band else ("exact", value[1])
            opened.append((one["groups"]["identity"]["value"][2], value[2], amount))
        self.assertEqual(sorted(shown), sorted(opened))
        self.assertTrue(shown)

    def check_command(self, proof, pinned):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "edition.proof"
            path.write_bytes(proof)
            script = pathlib.Path(__file__).with_name("party.py")
            command = [sys.executable, str(script), "verify", str(path), "--pin"]
            good = subprocess.run([*command, pinned], capture_output=True, text=True, check=False)
            bad = subprocess.run([*command, "00" * 32], capture_output=True, text=True, check=False)
        self.assertEqual(good.returncode, 0, good.stderr)
        self.assertEqual(bad.returncode, 1)
        self.assertIn("refused in step 1", bad.stderr)


if __name__ == "__main__":
    unittest.main()
