"""A partner of a Samsyn gateway, with the stock Python gRPC library and its generated stubs.

    python partner.py --profile DIR whoami
    python partner.py --profile DIR publish FILE.json
    python partner.py --profile DIR watch --area AREA --events 10
    python partner.py --profile DIR poll --area AREA
    python partner.py --profile DIR fetch AREA --out FILE
    python partner.py verify FILE --pin HEX

DIR holds ca.pem, client.pem, client.key and profile.toml. `run.sh` makes the stubs. FILE.json is a
samsyn.v1.PublishPictureRequest in the JSON of protobuf, without its context; without a base version
it changes the newest.
"""

import argparse
import json
import os
import pathlib
import sys
import time
import tomllib
import urllib.parse
import uuid

import grpc
from google.protobuf import json_format
from samsyn.v1 import access_pb2, access_pb2_grpc, common_pb2, edition_pb2, edition_pb2_grpc
from samsyn.v1 import joint_picture_pb2, joint_picture_pb2_grpc, picture_pb2, picture_pb2_grpc

import verify as proofs

CALL_SECONDS = 50
ANSWER_BYTES_MAX = 80 * 1024 * 1024
NOT_EVENTS = {"heartbeat", "closing"}


def idempotency_key():
    """A UUIDv7: made anew for each intended change, kept for its repetitions."""
    millis = time.time_ns() // 1_000_000
    bits = int.from_bytes(millis.to_bytes(6, "big") + os.urandom(10), "big")
    bits = bits & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=bits & ~(0x3 << 62) | 0x2 << 62))


class Partner:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.profile = tomllib.loads((folder / "profile.toml").read_text(encoding="utf-8"))
        credentials = grpc.ssl_channel_credentials(
            (folder / "ca.pem").read_bytes(),
            (folder / "client.key").read_bytes(),
            (folder / "client.pem").read_bytes(),
        )
        target = urllib.parse.urlsplit(self.profile["endpoint"]).netloc
        options = [("grpc.max_receive_message_length", ANSWER_BYTES_MAX)]
        self.channel = grpc.secure_channel(target, credentials, options)
        self.access = access_pb2_grpc.AccessServiceStub(self.channel)
        self.pictures = picture_pb2_grpc.PictureServiceStub(self.channel)
        self.joint = joint_picture_pb2_grpc.JointPictureServiceStub(self.channel)
        self.editions = edition_pb2_grpc.EditionServiceStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def reads(self):
        return common_pb2.ReadContext(
            purpose=self.profile["purpose"],
            legal_basis=self.profile["legal_basis"],
            weighing_ref=self.profile.get("weighing_ref", ""),
            actor_role="reader",
        )

    def whoami(self):
        return self.access.GetAccess(access_pb2.GetAccessRequest(), timeout=CALL_SECONDS)

    def version(self, party, area):
        """The newest version of an own picture; 0 when there is none."""
        asked = picture_pb2.GetPictureRequest(
            context=self.reads(), party=party, area=area, page=common_pb2.Page(size=1)
        )
        try:
            return self.pictures.GetPicture(asked, timeout=CALL_SECONDS).version
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return 0
            raise

    def publish(self, publication):
        request = json_format.ParseDict(publication, picture_pb2.PublishPictureRequest())
        if not {"base_version", "baseVersion"} & publication.keys():
            request.base_version = self.version(request.party, request.area)
        request.context.CopyFrom(
            common_pb2.WriteContext(idempotency_key=idempotency_key(), actor_role="publisher")
        )
        return self.pictures.PublishPicture(request, timeout=CALL_SECONDS)

    def watch(self, areas, cursor=""):
        """Events as they come; ends with the stream. Store the cursor of the last to go on."""
        request = joint_picture_pb2.WatchEventsRequest(
            context=self.reads(), scope=common_pb2.Scope(areas=areas), cursor=cursor
        )
        stream = self.joint.WatchEvents(request)
        try:
            for answer in stream:
                if answer.entry.WhichOneof("what") not in NOT_EVENTS:
                    yield answer.entry
        finally:
            stream.cancel()

    def poll(self, areas, cursor="", limit=0, wait_seconds=0):
        request = joint_picture_pb2.ListEventsRequest(
            context=self.reads(),
            scope=common_pb2.Scope(areas=areas),
            cursor=cursor,
            limit=limit,
            wait_seconds=wait_seconds,
        )
        return self.joint.ListEvents(request, timeout=CALL_SECONDS)

    def released(self, area):
        """The headers of an area's released editions, the newest first."""
        asked = edition_pb2.ListEditionsRequest(context=self.reads(), area=area)
        editions = self.editions.ListEditions(asked, timeout=CALL_SECONDS).editions
        return [one for one in editions if one.state == edition_pb2.EDITION_STATE_RELEASED]

    def edition(self, edition_id):
        """All findings of an edition, and its proof."""
        findings, token = [], ""
        while True:
            page = common_pb2.Page(size=500, token=token)
            asked = edition_pb2.GetEditionRequest(
                context=self.reads(), edition_id=edition_id, page=page
            )
            answer = self.editions.GetEdition(asked, timeout=CALL_SECONDS)
            findings.extend(answer.edition.findings)
            token = answer.next_page_token
            if not token:
                return findings, answer.edition.proof


def as_json(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def tell(value):
    print(json.dumps(value, ensure_ascii=False), flush=True)


def show_proof(data, pinned):
    verified = proofs.verify(data, pinned)
    tell({
        "edition": verified.edition, "area": verified.area, "track": verified.track,
        "round": verified.round, "content_root": verified.content_root.hex(),
        "sequence": verified.sequence, "objects": len(verified.objects),
        "fields_opened": verified.fields_opened, "signatures": verified.signatures,
        "endorsed_by": [f"{party}:{role}" for party, role, _ in verified.endorsements],
    })


def run(args):
    if args.command == "verify":
        return show_proof(pathlib.Path(args.proof).read_bytes(), bytes.fromhex(args.pin))
    with Partner(args.profile) as partner:
        if args.command == "whoami":
            tell(as_json(partner.whoami()))
        elif args.command == "publish":
            text = pathlib.Path(args.file).read_text(encoding="utf-8")
            tell(as_json(partner.publish(json.loads(text))))
        elif args.command == "watch":
            for number, event in enumerate(partner.watch(args.area, args.cursor), 1):
                tell(as_json(event))
                if number == args.events:
                    break
        elif args.command == "poll":
            answer = partner.poll(args.area, args.cursor)
            for event in answer.events:
                tell(as_json(event))
            tell({"next_cursor": answer.next_cursor})
        else:
            newest = partner.released(args.area)[0]
            _, proof = partner.edition(newest.id)
            pathlib.Path(args.out).write_bytes(proof)
            tell({"edition": newest.id, "bytes": len(proof)})


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", metavar="DIR")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("whoami")
    commands.add_parser("publish").add_argument("file", metavar="FILE.json")
    for name in ("watch", "poll"):
        command = commands.add_parser(name)
        command.add_argument("--area", action="append", default=[])
        command.add_argument("--cursor", default="")
        if name == "watch":
            command.add_argument("--events", type=int, default=0, metavar="N")
    fetch = commands.add_parser("fetch")
    fetch.add_argument("area")
    fetch.add_argument("--out", required=True, metavar="FILE")
    check = commands.add_parser("verify")
    check.add_argument("proof", metavar="PROOF")
    check.add_argument("--pin", required=True, metavar="HEX")
    args = parser.parse_args()
    if args.command != "verify" and not args.profile:
        parser.error(f"`{args.command}` needs --profile DIR")
    return args


def main():
    try:
        run(arguments())
    except proofs.Rejected as rejected:
        sys.exit(f"partner: {rejected}")
    except grpc.RpcError as error:
        sys.exit(f"partner: {error.code().name}: {error.details()}")
    except (OSError, KeyError, IndexError, ValueError, json_format.ParseError) as error:
        sys.exit(f"partner: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
