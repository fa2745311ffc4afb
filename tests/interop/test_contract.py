"""The kit's contract: its own sample keeps it, and each way of breaking it is told by its name.

SAMSYN_KIT names the folder of a kit with the stubs made in its folder python.
"""

import os
import pathlib
import sys
import tempfile
import threading
import time
import unittest
import uuid
from unittest import mock

KIT = pathlib.Path(os.environ["SAMSYN_KIT"])
sys.path[:0] = [str(KIT), str(KIT / "python")]

import contract as contracts
import grpc
import partner as sample
from samsyn.v1 import access_pb2, common_pb2, joint_picture_pb2

SECONDS_MAX = 30
# What is waited for is told by the contract, so that shorter times are as good.
contracts.CLOSING_SECONDS = contracts.RETRY_SECONDS = contracts.QUIET_SECONDS = 1
contracts.ACKNOWLEDGED_WITHIN_SECONDS = 2


class Whole(sample.Partner):
    """Does all that the contract asks for."""

    journal = sample.Journal

    def session(self, journal):
        self.whoami()
        self.picture(contracts.AREA, contracts.PERIOD)
        self.follow(self.journal(journal), 0)


class NoDeadline(Whole):
    def whoami(self):
        return self.access.GetAccess(access_pb2.GetAccessRequest())


class LongDeadline(Whole):
    def whoami(self):
        return self.access.GetAccess(access_pb2.GetAccessRequest(), timeout=300)


class NoGround(Whole):
    def reads(self):
        return common_pb2.ReadContext(purpose=contracts.PURPOSE, actor_role="reader")


class NeverAsksWho(Whole):
    def whoami(self):
        pass


class FirstPageOnly(Whole):
    def picture(self, area, period):
        asked = joint_picture_pb2.GetJointPictureRequest(
            context=self.reads(), area=area, period=common_pb2.Period(code=period)
        )
        self.joint.GetJointPicture(asked, timeout=10)


class OtherSecondPage(Whole):
    def picture(self, area, period):
        super().picture(area, period)
        asked = joint_picture_pb2.GetJointPictureRequest(
            context=self.reads(), area=area, page=common_pb2.Page(token=contracts.SECOND_PAGE)
        )
        self.joint.GetJointPicture(asked, timeout=10)


class BeginsAnywhere(Whole):
    def session(self, journal):
        pathlib.Path(journal).write_text("old-cursor\told-event\tkept\n")
        super().session(journal)


class ForgetsUnknownKinds(Whole):
    class journal(sample.Journal):
        def store(self, event, text):
            return event.WhichOneof("what") is not None and super().store(event, text)


class NeverAcknowledges(Whole):
    def acknowledge(self, cursor):
        pass


class AcknowledgesTooFar(Whole):
    def acknowledge(self, cursor):
        super().acknowledge(cursor)
        super().acknowledge("kit-cursor-99")


class ComesBack(Whole):
    def session(self, journal):
        try:
            super().session(journal)
        except sample.AccessEnded:
            super().session(journal)


class Contract(unittest.TestCase):
    def broken_by(self, client):
        """The checks that did not hold for a client."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            contract = contracts.Contract()
            server = contracts.serve(contract, folder, "127.0.0.1:0")

            def session():
                try:
                    with client(folder) as one:
                        one.session(folder / "journal")
                except (sample.AccessEnded, grpc.RpcError, ValueError):
                    # How it ends is told by the contract.
                    pass

            running = threading.Thread(target=session, daemon=True)
            running.start()
            contract.done.wait(SECONDS_MAX)
            server.stop(grace=0).wait()
            running.join(SECONDS_MAX)
            return {line["check"] for line in contract.report() if not line["held"]}

    def test_the_sample_of_the_kit_keeps_the_contract(self):
        self.assertEqual(self.broken_by(Whole), set())

    def test_each_way_of_breaking_it_is_told_by_its_name(self):
        for client, broken in (
            (NoDeadline, {"deadline"}),
            (LongDeadline, {"deadline"}),
            (NoGround, {"ground"}),
            (NeverAsksWho, {"who"}),
            (FirstPageOnly, {"pages"}),
            (OtherSecondPage, {"pages"}),
            (BeginsAnywhere, {"start"}),
            (ForgetsUnknownKinds, {"resume"}),
            (NeverAcknowledges, {"acknowledge", "keys"}),
            (AcknowledgesTooFar, {"acknowledge"}),
            (ComesBack, {"ended"}),
        ):
            with self.subTest(client.__name__):
                self.assertEqual(self.broken_by(client), broken)

    def test_a_client_that_does_not_wait_is_told(self):
        sleep = time.sleep
        with mock.patch.object(sample.time, "sleep", lambda seconds: sleep(seconds / 10)):
            self.assertEqual(self.broken_by(Whole), {"closing", "retry"})

    def test_keys_that_are_no_keys_are_told(self):
        key = str(uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
        for made in (lambda: key, lambda: str(uuid.uuid4()), lambda: "monday"):
            with mock.patch.object(sample, "idempotency_key", made):
                self.assertEqual(self.broken_by(Whole), {"keys"})

    def test_what_is_not_seen_does_not_hold(self):
        lines = contracts.Contract().report(without=["pages"])
        self.assertEqual(len(lines), len(contracts.CHECKS) - 1)
        self.assertFalse(any(line["held"] for line in lines))


if __name__ == "__main__":
    unittest.main()
