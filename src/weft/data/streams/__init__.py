"""Records that arrive: files that grow, folders that fill, web services, Redis, AMQP, Kafka."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "amqp_queue": "weft.data.streams.amqp_queue:AMQPQueue",
    "buffered": "weft.data.streams.buffered:Buffered",
    "count_windows": "weft.data.streams.flow_windows:CountWindows",
    "file_tail": "weft.data.streams.file_tail:FileTail",
    "folder_watch": "weft.data.streams.folder_watch:FolderWatch",
    "http_pages": "weft.data.streams.http_pages:HTTPPages",
    "kafka_topic": "weft.data.streams.kafka_topic:KafkaTopic",
    "redis_stream": "weft.data.streams.redis_stream:RedisStream",
    "time_windows": "weft.data.streams.flow_windows:TimeWindows",
}
KIND = "flow"
EXTRA = {
    "Away": "weft.data.streams.patience:Away",
    "KafkaClient": "weft.data.streams.kafka_topic:KafkaClient",
    "Rehearsed": "weft.data.streams.rehearsed:Rehearsed",
    "Ring": "weft.data.streams.ring:Ring",
    "prequential": "weft.data.streams.rehearsed:prequential",
    "Patience": "weft.data.streams.patience:Patience",
    "confluent": "weft.data.streams.kafka_topic:confluent",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """The flows that need no server."""
    import tempfile
    from pathlib import Path

    from weft.data.loading.flow import Chain
    from weft.data.streams import buffered, file_tail, flow_windows, folder_watch

    folder = Path(tempfile.mkdtemp())
    (folder / "log.txt").write_text("one\ntwo\n", encoding="utf-8")
    times = Chain([range(6)], lambda piece: [{"time": n} for n in piece])
    return {
        "count_windows": flow_windows.CountWindows(times, 3),
        "time_windows": flow_windows.TimeWindows(times, 2),
        "buffered": buffered.Buffered(file_tail.FileTail(folder / "log.txt", idle=0)),
        "file_tail": file_tail.FileTail(folder / "log.txt", idle=0),
        "folder_watch": folder_watch.FolderWatch(folder, idle=0, settle=0),
    }
