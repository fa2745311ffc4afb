"""A partner in Python: mutual TLS, deadlines, pages, a stream that goes on where it was, proofs.

    python partner.py PROFILE whoami
    python partner.py PROFILE picture AREA PERIOD
    python partner.py PROFILE follow JOURNAL [--events N]
    python partner.py PROFILE edition AREA

PROFILE is a folder with ca.pem, client.pem, client.key and profile.toml. The stubs are made once:

    python -m grpc_tools.protoc -I ../proto --python_out=. --grpc_python_out=. ../proto/samsyn/v1/*.proto
"""

import argparse
import os
import pathlib
import sys
import time
import tomllib
import urllib.parse
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from samsyn.v1 import access_pb2, access_pb2_grpc, common_pb2, edition_pb2, edition_pb2_grpc
from samsyn.v1 import joint_picture_pb2, joint_picture_pb2_grpc

DEADLINE_SECONDS = 10
# A stream lasts 30 minutes at most; then the gateway says when to come back.
STREAM_SECONDS = 35 * 60
PAGE_ROWS = 500
ANSWER_BYTES_MAX = 80 * 1024 * 1024
# A broken connection, as the library reports it.
BROKEN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED)
PAUSE_SECONDS_FIRST, PAUSE_SECONDS_MAX = 1, 60


class AccessEnded(Exception):
    """The gateway closed the stream for good."""


def idempotency_key():
    """A UUIDv7: made once for each intended change, kept when the same call is sent again."""
    millis = time.time_ns() // 1_000_000
    bits = int.from_bytes(millis.to_bytes(6, "big") + os.urandom(10), "big")
    bits = bits & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=bits & ~(0x3 << 62) | 0x2 << 62))


def explained(error):
    """Reason, page and pause of a refusal. The pause is none where a retry does not help."""
    reason, page, pause = "", "", None
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        status = None
    for detail in status.details if status else []:
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason, page = info.reason, info.metadata.get("doc", "")
        elif detail.Unpack(retry):
            pause = retry.retry_delay.ToTimedelta().total_seconds()
    # What breaks before the gateway has understood it has no reason of its own.
    if not reason and error.code() in BROKEN:
        pause = PAUSE_SECONDS_FIRST
    return reason, page, pause


class Journal:
    """What was received: a line for each event, with the cursor after it, so that they are stored
    together. A line that a crash cut short does not count."""

    def __init__(self, path):
        self.path, self.cursor, self.ids = pathlib.Path(path), "", set()
        self.received = 0
        kept = self.path.read_bytes() if self.path.exists() else b""
        whole = kept[: kept.rfind(b"\n") + 1]
        if whole != kept:
            self.path.write_bytes(whole)
        for line in whole.decode("utf-8").splitlines():
            self.cursor, event_id = line.split("\t")[:2]
            self.ids.add(event_id)

    def clear(self):
        self.path.write_bytes(b"")
        self.ids = set()

    def store(self, event, text):
        """Stores an event once, and in any case its cursor. Says whether it was new."""
        new = event.id not in self.ids
        with self.path.open("ab") as file:
            line = f"{event.cursor}\t{event.id}\t{text if new else 'again'}\n"
            file.write(line.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        self.cursor = event.cursor
        self.ids.add(event.id)
        self.received += 1
        return new


class Partner:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.profile = tomllib.loads((folder / "profile.toml").read_text(encoding="utf-8"))
        credentials = grpc.ssl_channel_credentials(
            root_certificates=(folder / "ca.pem").read_bytes(),
            private_key=(folder / "client.key").read_bytes(),
            certificate_chain=(folder / "client.pem").read_bytes(),
        )
        target = urllib.parse.urlsplit(self.profile["endpoint"]).netloc
        options = [("grpc.max_receive_message_length", ANSWER_BYTES_MAX)]
        self.channel = grpc.secure_channel(target, credentials, options)
        self.access = access_pb2_grpc.AccessServiceStub(self.channel)
        self.joint = joint_picture_pb2_grpc.JointPictureServiceStub(self.channel)
        self.editions = edition_pb2_grpc.EditionServiceStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def reads(self):
        """For what and on what ground: every read says it."""
        return common_pb2.ReadContext(
            purpose=self.profile["purpose"],
            legal_basis=self.profile["legal_basis"],
            weighing_ref=self.profile.get("weighing_ref", ""),
            actor_role="reader",
        )

    def whoami(self):
        return self.access.GetAccess(access_pb2.GetAccessRequest(), timeout=DEADLINE_SECONDS)

    def picture(self, area, period):
        """All findings of a joint picture, page by page."""
        findings, token = [], ""
        while True:
            asked = joint_picture_pb2.GetJointPictureRequest(
                context=self.reads(), area=area, period=common_pb2.Period(code=period),
                page=common_pb2.Page(size=PAGE_ROWS, token=token),
            )
            answer = self.joint.GetJointPicture(asked, timeout=DEADLINE_SECONDS)
            findings.extend(answer.findings)
            token = answer.next_page_token
            if not token:
                return answer.revision, findings

    def edition(self, area):
        """The newest released edition of an area: header, all findings, proof."""
        asked = edition_pb2.ListEditionsRequest(context=self.reads(), area=area)
        listed = self.editions.ListEditions(asked, timeout=DEADLINE_SECONDS).editions
        released = [one for one in listed if one.state == edition_pb2.EDITION_STATE_RELEASED]
        if not released:
            sys.exit(f"no edition of {area} is released to you")
        findings, token = [], ""
        while True:
            asked = edition_pb2.GetEditionRequest(
                context=self.reads(), edition_id=released[0].id,
                page=common_pb2.Page(size=PAGE_ROWS, token=token),
            )
            answer = self.editions.GetEdition(asked, timeout=DEADLINE_SECONDS)
            findings.extend(answer.edition.findings)
            token = answer.next_page_token
            if not token:
                return released[0], findings, answer.edition.proof

    def acknowledge(self, cursor):
        """Says that everything up to a cursor is stored: your record of receipt."""
        context = common_pb2.WriteContext(idempotency_key=idempotency_key(), actor_role="reader")
        asked = joint_picture_pb2.AcknowledgeEventsRequest(context=context, cursor=cursor)
        self.joint.AcknowledgeEvents(asked, timeout=DEADLINE_SECONDS)

    def stream(self, journal, wanted):
        """One stream, until it ends or enough has come. Gives how long to wait before the next."""
        asked = joint_picture_pb2.WatchEventsRequest(
            context=self.reads(), scope=common_pb2.Scope(), cursor=journal.cursor
        )
        events = self.joint.WatchEvents(asked, timeout=STREAM_SECONDS)
        in_snapshot = False
        for answer in events:
            event = answer.entry
            # None for a kind that is newer than these stubs: skip it, but keep its cursor.
            kind = event.WhichOneof("what")
            if kind == "heartbeat":
                continue
            if kind == "closing":
                if event.closing.reason == "ACCESS_ENDED":
                    raise AccessEnded
                return event.closing.retry_after_seconds
            if kind == "snapshot_begins":
                in_snapshot = True
                if event.snapshot_begins.reset:
                    journal.clear()
            detail = event.finding.id if kind == "finding" else ""
            text = f"{event.area} {event.revision} {kind or 'unknown'} {detail}".strip()
            if journal.store(event, text):
                print(text, flush=True)
            in_snapshot = in_snapshot and kind != "snapshot_ends"
            enough = journal.received == wanted
            if enough or not in_snapshot:
                self.acknowledge(journal.cursor)
            if enough:
                events.cancel()
                return 0
        return PAUSE_SECONDS_FIRST

    def follow(self, journal, wanted):
        """Follows the view for good, or until so many events have come."""
        grown = PAUSE_SECONDS_FIRST
        while not wanted or journal.received < wanted:
            before = journal.cursor
            try:
                pause = self.stream(journal, wanted)
            except grpc.RpcError as error:
                reason, page, pause = explained(error)
                if pause is None:
                    raise
                print(f"{error.code().name} {reason} {page}".strip(), file=sys.stderr, flush=True)
                pause, grown = max(pause, grown), min(grown * 2, PAUSE_SECONDS_MAX)
            if journal.cursor != before:
                grown = PAUSE_SECONDS_FIRST
            time.sleep(pause)


def show_edition(partner, area):
    # The verifier beside this file; `pip install cryptography`.
    import verify

    header, findings, proof = partner.edition(area)
    verified = verify.verify(proof, bytes.fromhex(partner.profile["descriptor"]))
    if (verified.edition, verified.content_root) != (header.id, header.content_root):
        sys.exit("the proof is of another edition")
    signed = ", ".join(f"{party} ({role})" for party, role, _ in verified.endorsements)
    print(f"{header.id}: {len(findings)} findings; the proof holds; endorsed by {signed}")


def run(args):
    with Partner(args.profile) as partner:
        if args.command == "whoami":
            me = partner.whoami()
            print("I am", me.service, "with", len(me.grants), "grants")
        elif args.command == "picture":
            revision, findings = partner.picture(args.area, args.period)
            print("revision", revision, "with", len(findings), "findings")
        elif args.command == "edition":
            show_edition(partner, args.area)
        else:
            partner.follow(Journal(args.journal), args.events)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("profile", metavar="PROFILE")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("whoami")
    picture = commands.add_parser("picture")
    picture.add_argument("area")
    picture.add_argument("period")
    follow = commands.add_parser("follow")
    follow.add_argument("journal")
    follow.add_argument("--events", type=int, default=0, metavar="N")
    commands.add_parser("edition").add_argument("area")
    return parser.parse_args()


def main():
    try:
        run(arguments())
    except AccessEnded:
        sys.exit("access ended: ask your registrar")
    except grpc.RpcError as error:
        reason, page, _ = explained(error)
        sys.exit(f"{error.code().name} {reason}: {error.details()} {page}".strip())


if __name__ == "__main__":
    main()
