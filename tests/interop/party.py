"""A party's system: the kit's partner, which publishes as well, and watches and polls by hand.

    python party.py --profile DIR whoami
    python party.py --profile DIR publish FILE.json
    python party.py --profile DIR watch --area AREA --events 10
    python party.py --profile DIR poll --area AREA
    python party.py --profile DIR fetch AREA --out FILE
    python party.py verify FILE --pin HEX

DIR holds ca.pem, client.pem, client.key and profile.toml. `run.sh` makes the stubs. FILE.json is a
samsyn.v1.PublishPictureRequest in the JSON of protobuf, without its context; without a base version
it changes the newest.
"""

import argparse
import json
import pathlib
import sys

import grpc
from google.protobuf import json_format
from samsyn.v1 import common_pb2, joint_picture_pb2, picture_pb2, picture_pb2_grpc

import verify as proofs

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "services/cli/kit/python"))
from partner import DEADLINE_SECONDS, Partner, idempotency_key

# A call that waits for news waits for 30 seconds at most.
WAITING_SECONDS = 50
NOT_EVENTS = {"heartbeat", "closing"}


class Party(Partner):
    def __init__(self, folder):
        super().__init__(folder)
        self.pictures = picture_pb2_grpc.PictureServiceStub(self.channel)

    def version(self, party, area):
        """The newest version of an own picture; 0 when there is none."""
        asked = picture_pb2.GetPictureRequest(
            context=self.reads(), party=party, area=area, page=common_pb2.Page(size=1)
        )
        try:
            return self.pictures.GetPicture(asked, timeout=DEADLINE_SECONDS).version
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
        return self.pictures.PublishPicture(request, timeout=DEADLINE_SECONDS)

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
        return self.joint.ListEvents(request, timeout=WAITING_SECONDS)


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
    with Party(args.profile) as party:
        if args.command == "whoami":
            tell(as_json(party.whoami()))
        elif args.command == "publish":
            text = pathlib.Path(args.file).read_text(encoding="utf-8")
            tell(as_json(party.publish(json.loads(text))))
        elif args.command == "watch":
            for number, event in enumerate(party.watch(args.area, args.cursor), 1):
                tell(as_json(event))
                if number == args.events:
                    break
        elif args.command == "poll":
            answer = party.poll(args.area, args.cursor)
            for event in answer.events:
                tell(as_json(event))
            tell({"next_cursor": answer.next_cursor})
        else:
            newest, _, proof = party.edition(args.area)
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
        sys.exit(f"party: {rejected}")
    except grpc.RpcError as error:
        sys.exit(f"party: {error.code().name}: {error.details()}")
    except (OSError, KeyError, IndexError, ValueError, json_format.ParseError) as error:
        sys.exit(f"party: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
