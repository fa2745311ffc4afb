"""A receiver of OTLP over gRPC: what it gets, as the messages of OpenTelemetry's own definitions.

It shares no code with the gateway: stubs from the `opentelemetry-proto` package, the stock Python
gRPC library, and nothing else.
"""

import concurrent.futures
import threading
import time

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


class Receiver:
    def __init__(self):
        self.lock = threading.Lock()
        self.traces, self.metrics, self.logs = [], [], []
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(
            Service(self, self.traces, trace_service_pb2.ExportTraceServiceResponse), self.server
        )
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(
            Service(self, self.metrics, metrics_service_pb2.ExportMetricsServiceResponse),
            self.server,
        )
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(
            Service(self, self.logs, logs_service_pb2.ExportLogsServiceResponse), self.server
        )
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def stop(self):
        self.server.stop(1).wait()

    def spans(self):
        with self.lock:
            return [
                span
                for request in self.traces
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]

    def lines(self):
        with self.lock:
            return [
                line
                for request in self.logs
                for resource in request.resource_logs
                for scope in resource.scope_logs
                for line in scope.log_records
            ]

    def measured(self):
        with self.lock:
            return {
                metric.name: metric
                for request in self.metrics
                for resource in request.resource_metrics
                for scope in resource.scope_metrics
                for metric in scope.metrics
            }

    def everything(self):
        """All that was received, as bytes and as text."""
        with self.lock:
            requests = self.traces + self.metrics + self.logs
            octets = b"".join(one.SerializeToString() for one in requests)
            return octets + "".join(str(one) for one in requests).encode()

    def wait(self, holds, seconds=30):
        until = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True


class Service:
    """Any of the three services: each has one method, which takes what comes."""

    def __init__(self, receiver, kept, answer):
        self.receiver, self.kept, self.answer = receiver, kept, answer

    def Export(self, request, _):
        with self.receiver.lock:
            self.kept.append(request)
        return self.answer()
