"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
FACES = (0, 1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The numbers of one server, in a registry of its own: two servers in one process stay apart."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "feallm_requests", "Requests answered.", ("method", "path", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "feallm_request_duration_seconds",
            "From a request's headers to the last byte of its answer.",
            ("path",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.queue = Gauge("feallm_queue_length", "Requests that wait or are being read.", registry=self.registry)
        self.batch_faces = Histogram(
            "feallm_batch_faces", "Faces read together.", buckets=FACES, registry=self.registry
        )
        self.faces = Counter("feallm_faces", "Faces read.", registry=self.registry)
        self.unsent = Counter(
            "feallm_requests_cancelled", "Requests whose client had gone before the answer.", registry=self.registry
        )
