"""What a gateway sends to a collector: one trace from a client to a partner's stream, lines and
metrics, and nothing that a caller wrote. SAMSYN_BIN names the binary."""

import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

import grpc
from google.protobuf import json_format
from samsyn.v1 import access_pb2, common_pb2, joint_picture_pb2, picture_pb2

from otlp import Receiver
from party import Party, idempotency_key

BINARY = os.environ["SAMSYN_BIN"]
AREA = "sthlm-skarholmen"
CANARY = "canary-7f3a"
START_SECONDS = 60
KEYS = {"code", "reason", "verb", "position", "events"}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def parent(trace, flags="01"):
    return ("traceparent", f"00-{trace}-{secrets.token_hex(8)}-{flags}")


def publication(city):
    """One more observation of graffiti, for the signatories."""
    party = "sdf-skarholmen"
    labels = {
        "level": 1, "audience": ["signatories"], "purposes": ["joint_picture"],
        "regime": "nonpersonal", "retain_until": "2027-08-01T00:00:00Z",
    }
    observation = {
        "id": f"telemetry-{secrets.token_hex(6)}", "category": "graffiti",
        "place_id": f"{AREA}/skarholmen-centrum/p1", "starts_at": "2025-09-10T08:00:00Z",
        "ends_at": "2025-09-10T09:00:00Z", "count": 1, "severity": 2, "basis": "BASIS_FACT",
        "source_kind": "field_observation", "labels": labels,
    }
    made = {"party": party, "area": AREA, "delta": {"upserts": [observation]}}
    request = json_format.ParseDict(made, picture_pb2.PublishPictureRequest())
    request.base_version = city.version(party, AREA)
    request.context.CopyFrom(
        common_pb2.WriteContext(idempotency_key=idempotency_key(), actor_role="publisher")
    )
    return request


class Gateway:
    """A domain of its own, served with a collector and an operations listener."""

    def __init__(self, otlp_port, traces_per_second=1000):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        subprocess.run([BINARY, "demo", "--write", self.path], check=True, capture_output=True)
        self.port, self.operations = free_port(), free_port()
        with (self.path / "config.toml").open("a", encoding="utf-8") as config:
            config.write(f'\n[operations]\nlisten = "127.0.0.1:{self.operations}"\n')
            config.write(f'otlp = "http://127.0.0.1:{otlp_port}"\n')
            config.write(f"traces_per_second = {traces_per_second}\n")
        for profile in (self.path / "profiles").glob("*/profile.toml"):
            text = profile.read_text(encoding="utf-8")
            text = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{self.port}", text)
            profile.write_text(text, encoding="utf-8")
        self.log = (self.path / "serve.log").open("wb")
        # A gateway refuses what looks like a setting of its own and is none.
        others = {name: text for name, text in os.environ.items() if name[:7] != "SAMSYN_"}
        listen = {**others, "SAMSYN_LISTEN": f"127.0.0.1:{self.port}", "RUST_LOG": "trace"}
        command = [BINARY, "serve", "--config", self.path / "config.toml"]
        self.process = subprocess.Popen(command, env=listen, stderr=self.log)
        until = time.monotonic() + START_SECONDS
        while not self.ready():
            if time.monotonic() > until or self.process.poll() is not None:
                raise AssertionError(self.said())
            time.sleep(0.1)

    def ready(self):
        try:
            return self.get("/readyz") == "ready\n"
        except OSError:
            return False

    def get(self, path):
        url = f"http://127.0.0.1:{self.operations}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def said(self):
        return (self.path / "serve.log").read_text(encoding="utf-8")

    def partner(self, name):
        return Party(self.path / "profiles" / name)

    def end(self):
        """Ends it as an operator does; how long that took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.log.close()
        return time.monotonic() - started

    def clean(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


class Traced(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver()
        cls.gateway = Gateway(cls.receiver.port)
        cls.trace, cls.watcher = secrets.token_hex(16), secrets.token_hex(16)
        cls.tell_story()
        cls.sing()
        cls.took = cls.gateway.end()
        cls.receiver.stop()

    @classmethod
    def tearDownClass(cls):
        cls.gateway.clean()

    @classmethod
    def tell_story(cls):
        with cls.gateway.partner("lpo-skarholmen") as police:
            asked = joint_picture_pb2.WatchEventsRequest(context=police.reads())
            stream = police.joint.WatchEvents(asked, metadata=[parent(cls.watcher)])
            seen = []
            told = threading.Event()

            def follow():
                try:
                    for answer in stream:
                        seen.append(answer.entry.WhichOneof("what"))
                        if seen[-1] == "finding":
                            told.set()
                except grpc.RpcError:
                    pass

            threading.Thread(target=follow, daemon=True).start()
            cls.receiver.wait(lambda: "snapshot_ends" in seen)
            with cls.gateway.partner("sdf-skarholmen") as city:
                city.pictures.PublishPicture(publication(city), metadata=[parent(cls.trace)])
            if not told.wait(30):
                raise AssertionError(f"the stream told {seen}\n{cls.gateway.said()}")
            stream.cancel()

    @classmethod
    def sing(cls):
        """Canaries wherever a caller can write something."""
        texts = [("tracestate", f"{CANARY}={CANARY}"), ("x-note", CANARY), parent("a" * 32)]
        with cls.gateway.partner("sdf-skarholmen") as city:
            cls.sung = 0
            for field in ("id", "note", "category", "place_id", "source_kind"):
                request = publication(city)
                setattr(request.delta.upserts[0], field, CANARY)
                cls.sung += cls.publish(city, request, texts)
            for field in ("party", "area"):
                request = publication(city)
                setattr(request, field, CANARY)
                cls.sung += cls.publish(city, request, texts)
            request = publication(city)
            request.base_version = 1_000
            cls.sung += cls.publish(city, request, texts)
            request = publication(city)
            request.context.idempotency_key = CANARY
            cls.sung += cls.publish(city, request, texts)
            request = joint_picture_pb2.ListEventsRequest(context=city.reads(), cursor=CANARY)
            request.context.purpose = CANARY
            try:
                city.joint.ListEvents(request, metadata=[("traceparent", CANARY), *texts[:2]])
            except grpc.RpcError:
                pass

    @staticmethod
    def publish(city, request, metadata):
        try:
            city.pictures.PublishPicture(request, metadata=metadata)
            return 1
        except grpc.RpcError:
            return 0

    def of_trace(self, trace):
        return [span for span in self.receiver.spans() if span.trace_id.hex() == trace]

    def test_one_trace_goes_from_the_client_through_commit_to_the_partners_stream(self):
        spans = self.of_trace(self.trace)
        by_id = {span.span_id: span for span in spans}
        names = {span.name for span in spans}
        call = "samsyn.v1.PictureService/PublishPicture"
        for name in (call, "permit", "propose", "commit", "apply", "wake", "project", "send"):
            self.assertIn(name, names)

        def under(name, above):
            """A span of this name stands, at whatever depth, under one of the other."""
            for span in spans:
                at = by_id.get(span.parent_span_id)
                while span.name == name and at is not None:
                    if at.name == above:
                        return True
                    at = by_id.get(at.parent_span_id)
            return False

        for name, above in (
            ("permit", call), ("propose", call), ("commit", "propose"), ("apply", "propose"),
            ("wake", "propose"), ("send", "propose"),
        ):
            self.assertTrue(under(name, above), f"{name} under {above}")
        send = next(span for span in spans if span.name == "send")
        linked = {link.trace_id.hex() for link in send.links}
        self.assertIn(self.watcher, linked, "it says on whose stream")

    def test_lines_and_metrics_arrive(self):
        bodies = {line.body.string_value for line in self.receiver.lines()}
        self.assertIn("serving", bodies)
        self.assertIn("told to stop; draining", bodies)
        refused = [line for line in self.receiver.lines() if line.body.string_value == "refused"]
        self.assertTrue(any(line.trace_id for line in refused), "a line says of which trace")
        measured = self.receiver.measured()
        for name in ("samsyn.calls", "samsyn.changes", "samsyn.feed.lag", "samsyn.alarms"):
            self.assertIn(name, measured)
        verbs = {
            label.value.string_value
            for point in measured["samsyn.changes"].sum.data_points
            for label in point.attributes if label.key == "verb"
        }
        self.assertIn("publish", verbs)

    def test_nothing_that_a_caller_wrote_arrives(self):
        self.assertEqual(self.sung, 2, "id and note are free; the rest is refused")
        self.assertNotIn(CANARY.encode(), self.receiver.everything())
        self.assertNotIn(CANARY, self.gateway.said())

    def test_spans_have_only_names_of_the_list(self):
        keys = {label.key for span in self.receiver.spans() for label in span.attributes}
        self.assertLessEqual(keys, KEYS)
        self.assertEqual([span.name for span in self.receiver.spans() if span.events], [])

    def test_the_end_is_quick_and_sends_what_is_left(self):
        self.assertEqual(self.gateway.process.returncode, 0, self.gateway.said())
        self.assertLess(self.took, 20)


class Alone(unittest.TestCase):
    def test_a_collector_that_is_not_there_holds_up_nobody(self):
        gateway = Gateway(free_port(), traces_per_second=2)
        try:
            with gateway.partner("sdf-skarholmen") as city:
                started = time.monotonic()
                for _ in range(100):
                    city.access.GetAccess(access_pb2.GetAccessRequest(), timeout=5)
                self.assertLess(time.monotonic() - started, 20)
            time.sleep(7)
            metrics = gateway.get("/metrics")
            failed = r'samsyn_exported_total{outcome="failed",signal="traces"} ([1-9]\d*)'
            self.assertRegex(metrics, failed)
            self.assertLess(gateway.end(), 25)
        finally:
            gateway.clean()

    def test_a_client_has_no_more_traced_than_is_configured(self):
        receiver = Receiver()
        gateway = Gateway(receiver.port, traces_per_second=2)
        try:
            started = time.monotonic()
            with gateway.partner("sdf-skarholmen") as city:
                for _ in range(100):
                    forced = [parent(secrets.token_hex(16))]
                    city.access.GetAccess(access_pb2.GetAccessRequest(), metadata=forced)
            seconds = time.monotonic() - started
            gateway.end()
            calls = [span for span in receiver.spans() if span.name.endswith("/GetAccess")]
            self.assertGreater(len(calls), 0)
            self.assertLessEqual(len(calls), 2 * (int(seconds) + 2))
        finally:
            gateway.clean()
            receiver.stop()


if __name__ == "__main__":
    unittest.main()
