"""A gateway of paper that your own client is run against, and that tells what it saw it do.

    python contract.py DIR [--listen ADDRESS] [--seconds N] [--without CHECK ...] [--json]

Makes a profile in DIR/profile (ca.pem, client.pem, client.key, profile.toml; needs openssl), listens,
and waits. Start your client with that profile. It should ask who it is, read the joint picture of
`kit-area` in `2025-09` page by page, and follow all events with a cursor that it keeps. The contract
ends by itself, says what held, and exits with 0 if all did and 1 if not.

Everything that it sends is made up. The stubs are made as in python/partner.py.
"""

import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import threading
import time
import uuid

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from samsyn.v1 import access_pb2, access_pb2_grpc, common_pb2, event_pb2, finding_pb2
from samsyn.v1 import joint_picture_pb2, joint_picture_pb2_grpc

AREA, PERIOD = "kit-area", "2025-09"
PURPOSE, BASIS = "joint_picture", "law_2023_196"
SECOND_PAGE = "page-2"
DEADLINE_SECONDS_MAX = 60
# A deadline further off than this is none: that is how the library shows it.
NO_DEADLINE_SECONDS = 24 * 3600
CLOSING_SECONDS = 2
RETRY_SECONDS = 3
# Clocks and schedulers are not exact.
TOLERANCE_SECONDS = 0.25
ACKNOWLEDGED_WITHIN_SECONDS = 5
QUIET_SECONDS = 3
# The number of an event kind that no client knows.
UNKNOWN_KIND = 99
LAST_OF_FIRST_STREAM, LAST = 5, 6

CHECKS = {
    "deadline": "every call carries a deadline of at most 60 seconds; a stream may have a longer one",
    "ground": "every read states the profile's purpose and legal basis, in the role of reader",
    "who": "the client asks who it is (GetAccess)",
    "pages": "the joint picture is read page by page, the request unchanged but for the token",
    "start": "the first stream begins without a cursor",
    "resume": "a stream goes on from the last cursor, that of an unknown kind of event included",
    "closing": "after Closing the client comes back, and not before its retry_after_seconds",
    "retry": "after a refusal with RetryInfo the client comes back, and not before its delay",
    "acknowledge": "what was received is acknowledged, up to the last cursor",
    "keys": "each acknowledgement has an idempotency key of its own, a UUID of version 7",
    "ended": "after Closing with ACCESS_ENDED the client does not come back",
}


def cursor(number):
    return f"kit-cursor-{number}"


def event(number, **what):
    return event_pb2.Event(
        id=f"kit-event-{number}", cursor=cursor(number), area=AREA, revision=number, **what
    )


def unknown_event(number):
    """An event of a kind that is newer than the client's stubs."""
    made = event_pb2.Event()
    tag = bytes([(UNKNOWN_KIND << 3 | 2) & 0x7F | 0x80, (UNKNOWN_KIND << 3 | 2) >> 7])
    made.ParseFromString(event(number).SerializeToString() + tag + b"\x00")
    return made


def finding(number):
    return finding_pb2.Finding(id=f"{AREA}/place-{number}/graffiti")


class Contract:
    """What was seen, by check: nothing yet, good, or what was wrong with it."""

    def __init__(self):
        self.lock, self.done = threading.Lock(), threading.Event()
        self.wrong = {name: [] for name in CHECKS}
        self.seen = set()
        self.streams = 0
        self.not_before, self.waits_for = 0.0, None
        self.keys, self.acknowledged = {}, threading.Event()
        self.first_page = None

    def saw(self, check, wrong=""):
        with self.lock:
            self.seen.add(check)
            if wrong and wrong not in self.wrong[check]:
                self.wrong[check].append(wrong)

    def call(self, name, context, streams=False):
        remaining = context.time_remaining()
        if streams:
            return
        none = remaining is None or remaining > NO_DEADLINE_SECONDS
        long = not none and remaining > DEADLINE_SECONDS_MAX + 1
        self.saw("deadline", f"{name} had none" if none else f"{name} had more" if long else "")

    def read(self, name, context):
        asked = (context.purpose, context.legal_basis, context.actor_role)
        right = asked == (PURPOSE, BASIS, "reader")
        self.saw("ground", "" if right else f"{name} said {asked}")

    def came_back(self):
        """Whether a client that should wait has waited."""
        if self.waits_for:
            early = self.not_before - time.monotonic()
            text = f"{early:.1f} seconds too early" if early > TOLERANCE_SECONDS else ""
            self.saw(self.waits_for, text)
        self.waits_for = None

    def let_wait(self, check, seconds):
        self.not_before, self.waits_for = time.monotonic() + seconds, check

    def report(self, without=()):
        """Each check with what was wrong; `not seen` where nothing was."""
        lines = []
        for name, text in CHECKS.items():
            if name in without:
                continue
            found = "; ".join(self.wrong[name]) if name in self.seen else "not seen"
            lines.append({"check": name, "held": not found, "means": text, "found": found})
        return lines


class Access(access_pb2_grpc.AccessServiceServicer):
    def __init__(self, contract):
        self.contract = contract

    def GetAccess(self, request, context):
        self.contract.call("GetAccess", context)
        self.contract.saw("who")
        grant = access_pb2.Grant(
            scope=common_pb2.Scope(areas=[AREA]), purposes=[PURPOSE], legal_bases=[BASIS], live=True
        )
        return access_pb2.GetAccessResponse(
            service="kit/kit", organisation="kit", roles=["reader"], grants=[grant], api_level="v1"
        )


class JointPicture(joint_picture_pb2_grpc.JointPictureServiceServicer):
    def __init__(self, contract):
        self.contract = contract

    def GetJointPicture(self, request, context):
        self.contract.call("GetJointPicture", context)
        self.contract.read("GetJointPicture", request.context)
        unpaged = joint_picture_pb2.GetJointPictureRequest()
        unpaged.CopyFrom(request)
        unpaged.page.token = ""
        answer = joint_picture_pb2.GetJointPictureResponse(revision=LAST)
        if not request.page.token:
            self.contract.first_page = unpaged
            answer.findings.append(finding(1))
            answer.next_page_token = SECOND_PAGE
            return answer
        same = request.page.token == SECOND_PAGE and unpaged == self.contract.first_page
        self.contract.saw("pages", "" if same else "the second request was another one")
        answer.findings.append(finding(2))
        return answer

    def WatchEvents(self, request, context):
        self.contract.call("WatchEvents", context, streams=True)
        self.contract.read("WatchEvents", request.context)
        self.contract.came_back()
        self.contract.streams += 1
        number = self.contract.streams
        if number == 1:
            yield from self.first(request)
        elif number == 2:
            self.resumed(request, LAST_OF_FIRST_STREAM)
            self.contract.let_wait("retry", RETRY_SECONDS)
            context.abort_with_status(rpc_status.to_status(overloaded()))
        elif number == 3:
            self.resumed(request, LAST_OF_FIRST_STREAM)
            yield answer(event(LAST, finding=finding(2)))
            self.contract.acknowledged.wait(ACKNOWLEDGED_WITHIN_SECONDS)
            missing = "" if self.contract.acknowledged.is_set() else "not up to the last cursor"
            self.contract.saw("acknowledge", missing)
            self.contract.saw("ended")
            threading.Timer(QUIET_SECONDS, self.contract.done.set).start()
            yield closing("ACCESS_ENDED", 0)
        else:
            self.contract.saw("ended", "it opened another stream")
            yield closing("ACCESS_ENDED", 0)

    def first(self, request):
        self.contract.saw("start", f"it sent {request.cursor!r}" if request.cursor else "")
        snapshot = event_pb2.Snapshot(findings=2)
        yield answer(event(1, snapshot_begins=snapshot))
        yield answer(event(2, finding=finding(1)))
        yield answer(event(3, finding=finding(2)))
        yield answer(event(4, snapshot_ends=snapshot))
        yield answer(unknown_event(LAST_OF_FIRST_STREAM))
        self.contract.let_wait("closing", CLOSING_SECONDS)
        yield closing("MAX_AGE", CLOSING_SECONDS)

    def resumed(self, request, last):
        wrong = "" if request.cursor == cursor(last) else f"it sent {request.cursor!r}"
        self.contract.saw("resume", wrong and f"{wrong} where {cursor(last)!r} was the last")

    def AcknowledgeEvents(self, request, context):
        self.contract.call("AcknowledgeEvents", context)
        key = request.context.idempotency_key
        known = self.contract.keys.setdefault(key, request.cursor)
        self.contract.saw("keys", key_fault(key) or ("" if known == request.cursor else "used twice"))
        if request.cursor not in {cursor(number) for number in range(1, LAST + 1)}:
            self.contract.saw("acknowledge", f"{request.cursor!r} was never given")
        if request.cursor == cursor(LAST):
            self.contract.acknowledged.set()
        return joint_picture_pb2.AcknowledgeEventsResponse()


def key_fault(key):
    try:
        return "" if uuid.UUID(key).version == 7 else "not of version 7"
    except ValueError:
        return "no UUID"


def answer(entry):
    return joint_picture_pb2.WatchEventsResponse(entry=entry)


def closing(reason, seconds):
    what = event_pb2.Closing(reason=reason, retry_after_seconds=seconds)
    return answer(event_pb2.Event(closing=what))


def overloaded():
    """The refusal OVERLOADED, as the gateway sends it."""
    info = error_details_pb2.ErrorInfo(
        reason="OVERLOADED", domain="samsyn", metadata={"doc": "docs/errors/OVERLOADED.md"}
    )
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.seconds = RETRY_SECONDS
    details = []
    for one in (info, retry):
        packed = any_pb2.Any()
        packed.Pack(one)
        details.append(packed)
    return status_pb2.Status(code=14, message="OVERLOADED", details=details)


def make_profile(folder, target):
    """An authority, a server and a client for one run, by openssl; the keys stay in the folder."""
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    def pair(name):
        curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("genpkey", *curve, "-out", f"{name}.key")

    pair("ca")
    openssl("req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=kit authority", "-days", "7",
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", "ca.pem")
    for name, names, use in (
        ("server", "DNS:localhost,IP:127.0.0.1", "serverAuth"),
        ("client", "URI:spiffe://kit.example/svc/kit", "clientAuth"),
    ):
        pair(name)
        (folder / f"{name}.ext").write_text(
            f"subjectAltName={names}\nextendedKeyUsage={use}\nkeyUsage=critical,digitalSignature\n"
            "basicConstraints=critical,CA:FALSE\n"
        )
        openssl("req", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "7", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    for key in folder.glob("*.key"):
        key.chmod(0o600)
    (folder / "profile.toml").write_text(
        f'endpoint = "https://{target}"\npurpose = "{PURPOSE}"\nlegal_basis = "{BASIS}"\n'
    )


def serve(contract, folder, listen):
    """A server with mutual TLS; its profile is in the folder when this returns."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=8))
    access_pb2_grpc.add_AccessServiceServicer_to_server(Access(contract), server)
    joint_picture_pb2_grpc.add_JointPictureServiceServicer_to_server(JointPicture(contract), server)
    make_profile(folder, listen)
    read = lambda name: (folder / name).read_bytes()
    credentials = grpc.ssl_server_credentials(
        [(read("server.key"), read("server.pem"))], read("ca.pem"), require_client_auth=True
    )
    port = server.add_secure_port(listen, credentials)
    profile = folder / "profile.toml"
    profile.write_text(profile.read_text().replace(listen, f"{listen.rsplit(':', 1)[0]}:{port}"))
    server.start()
    return server


def tell(lines, as_json):
    if as_json:
        print(json.dumps(lines, indent=2))
        return
    for line in lines:
        print("ok    " if line["held"] else "FAILED", line["means"])
        if not line["held"]:
            print("       ", line["found"])
    held = sum(line["held"] for line in lines)
    print(f"{held} of {len(lines)} held")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", metavar="DIR", type=pathlib.Path)
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="ADDRESS")
    parser.add_argument("--seconds", type=float, default=120, metavar="N")
    parser.add_argument("--without", action="append", default=[], choices=list(CHECKS))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    contract = Contract()
    server = serve(contract, args.folder / "profile", args.listen)
    print(f"start your client with the profile {args.folder / 'profile'}", file=sys.stderr, flush=True)
    if not contract.done.wait(args.seconds):
        print("the time was over before the client was through", file=sys.stderr)
    server.stop(grace=1).wait()
    lines = contract.report(args.without)
    tell(lines, args.json)
    sys.exit(0 if all(line["held"] for line in lines) else 1)


if __name__ == "__main__":
    main()
