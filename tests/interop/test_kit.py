"""The kit's Python sample as a partner runs it, against a running demo.

SAMSYN_KIT names the folder of a kit with the stubs made, SAMSYN_PROFILES that of profiles.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

KIT = pathlib.Path(os.environ["SAMSYN_KIT"])
PROFILES = pathlib.Path(os.environ["SAMSYN_PROFILES"])
AREA = "sthlm-skarholmen"


def run(profile, *arguments):
    environment = {**os.environ, "PYTHONPATH": ""}
    command = [sys.executable, str(KIT / "python/partner.py"), str(profile), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=environment
    )


class Kit(unittest.TestCase):
    def test_a_partner_learns_who_it_is_and_reads_its_part(self):
        fire = PROFILES / "raddningstjansten"
        who = run(fire, "whoami")
        self.assertIn("raddningstjansten with 1 grants", who.stdout, who.stderr)
        picture = run(fire, "picture", AREA, "2025-09")
        self.assertRegex(picture.stdout, r"^revision \d+ with \d+ findings$", picture.stderr)

    def test_a_second_run_goes_on_where_the_first_ended(self):
        with tempfile.TemporaryDirectory() as folder:
            journal = pathlib.Path(folder) / "journal"
            for until in (5, 9):
                done = run(PROFILES / "raddningstjansten", "follow", journal, "--events", until)
                self.assertEqual(done.returncode, 0, done.stderr)
                kept = journal.read_text(encoding="utf-8").splitlines()
                if until == 5:
                    first = kept
            # What a crash leaves of a line does not count.
            with journal.open("a", encoding="utf-8") as file:
                file.write("half a line")
            again = run(PROFILES / "raddningstjansten", "follow", journal, "--events", 1)
            self.assertEqual(again.returncode, 0, again.stderr)
            last = journal.read_text(encoding="utf-8").splitlines()
        self.assertEqual((len(first), len(kept), len(last)), (5, 14, 15))
        self.assertEqual((kept[:5], last[:14]), (first, kept))
        ids = [line.split("\t")[1] for line in last]
        self.assertEqual(len(set(ids)), len(ids))

    def test_an_edition_is_fetched_in_pages_and_its_proof_holds(self):
        done = run(PROFILES / "region-stockholm", "edition", AREA)
        self.assertIn("the proof holds", done.stdout, done.stderr)

    def test_a_refusal_is_told_by_reason_and_page_and_not_tried_again(self):
        with tempfile.TemporaryDirectory() as folder:
            profile = pathlib.Path(folder) / "profile"
            shutil.copytree(PROFILES / "raddningstjansten", profile)
            settings = profile / "profile.toml"
            text = settings.read_text(encoding="utf-8")
            settings.write_text(text.replace("joint_picture", "curiosity"), encoding="utf-8")
            done = run(profile, "follow", pathlib.Path(folder) / "journal")
        self.assertEqual(done.returncode, 1)
        self.assertIn("PURPOSE_NOT_COVERED", done.stderr)
        self.assertIn("docs/errors", done.stderr)


if __name__ == "__main__":
    unittest.main()
