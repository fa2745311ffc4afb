"""Follows a view and goes on where it was: python partner.py PROFILE_DIR CURSOR_FILE

First: python -m grpc_tools.protoc -I proto --python_out=. --grpc_python_out=. proto/samsyn/v1/*.proto
"""

import os
import pathlib
import sys
import time
import tomllib

import grpc
from samsyn.v1 import access_pb2, access_pb2_grpc, common_pb2, joint_picture_pb2
from samsyn.v1 import joint_picture_pb2_grpc

LOST = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED)


def channel(folder, profile):
    """A connection with mutual TLS."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(folder / "ca.pem").read_bytes(),
        private_key=(folder / "client.key").read_bytes(),
        certificate_chain=(folder / "client.pem").read_bytes(),
    )
    return grpc.secure_channel(profile["endpoint"].removeprefix("https://"), credentials)


def store(file, cursor):
    """Keeps a cursor; a crash leaves the old one or the new one."""
    new = file.with_suffix(".new")
    new.write_text(cursor)
    os.replace(new, file)


def follow(stub, context, file):
    """One stream, until it ends. Gives the seconds after which to come back."""
    cursor = file.read_text().strip() if file.exists() else ""
    request = joint_picture_pb2.WatchEventsRequest(
        context=context, scope=common_pb2.Scope(), cursor=cursor
    )
    for answer in stub.WatchEvents(request):
        event = answer.entry
        what = event.WhichOneof("what")
        if what == "closing":
            if event.closing.reason == "ACCESS_ENDED":
                sys.exit("access ended")
            return event.closing.retry_after_seconds
        if what == "heartbeat":
            continue
        detail = event.finding.id if what == "finding" else ""
        print(event.area, event.revision, what or "unknown kind", detail, flush=True)
        # Here your system stores the event, in one transaction with the cursor.
        store(file, event.cursor)
    return 1


def main():
    folder, file = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    profile = tomllib.loads((folder / "profile.toml").read_text())
    context = common_pb2.ReadContext(
        purpose=profile["purpose"],
        legal_basis=profile["legal_basis"],
        weighing_ref=profile.get("weighing_ref", ""),
        actor_role="reader",
    )
    with channel(folder, profile) as connection:
        access = access_pb2_grpc.AccessServiceStub(connection)
        me = access.GetAccess(access_pb2.GetAccessRequest())
        print("I am", me.service, "with", len(me.grants), "grants", flush=True)
        stub = joint_picture_pb2_grpc.JointPictureServiceStub(connection)
        while True:
            try:
                pause = follow(stub, context, file)
            except grpc.RpcError as error:
                if error.code() not in LOST:
                    sys.exit(f"{error.code().name}: {error.details()}")
                pause = 1
            time.sleep(pause)


if __name__ == "__main__":
    main()
