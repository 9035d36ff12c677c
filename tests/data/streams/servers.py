"""Real servers on loopback, started and killed by the tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server process that can be killed and started again on the same port and data."""

    def __init__(
        self, command: list[str], port: int, environment: dict[str, str] | None = None, ready: Callable[[], bool] | None = None, user: str | None = None
    ) -> None:
        self.command, self.port, self.environment, self.user = command, port, {**os.environ, **(environment or {})}, user
        self.ready = ready or self.answers
        self.process: subprocess.Popen[bytes] | None = None

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
            return True
        return False

    def start(self) -> Server:
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, user=self.user
        )
        for _ in range(600):
            if self.ready():
                return self
            if self.process.poll() is not None:
                pytest.skip(f"{self.command[0]} does not start here")
            time.sleep(0.1)
        pytest.skip(f"{self.command[0]} is not ready after a minute")

    def kill(self) -> None:
        if self.process is not None:
            own = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            helpers = [int(pid) for pid in own.read_text().split()] if own.exists() else []  # PostgreSQL's have sessions of their own
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            for pid in helpers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()


def program(*names: str) -> str:
    """The path of the first of these programs that is installed; skips where there is none."""
    for name in names:
        # Debian's own rabbitmq-server in /usr/sbin changes to a user who may not write to the tests' folder
        found = shutil.which(name, path="/usr/lib/rabbitmq/bin:" + os.environ.get("PATH", "") + ":/usr/sbin")
        if found:
            return found
    pytest.skip(f"{names[0]} is not installed (Debian has it as a package)")


def redis_server(folder: Path) -> Server:
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    return Server([program("redis-server"), *options], port)


def rabbit_server(folder: Path) -> Server:
    port = free_port()
    config = folder / "rabbit.conf"
    config.write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\nloopback_users = none\n", encoding="utf-8")
    (folder / "plugins").write_text("[].", encoding="utf-8")
    environment = {
        "RABBITMQ_NODENAME": f"weft{port}@localhost", "RABBITMQ_CONFIG_FILE": str(config), "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"), "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_PID_FILE": str(folder / "pid"), "HOME": str(folder),
    }  # fmt: skip

    def ready() -> bool:
        import pika

        with contextlib.suppress(Exception):
            pika.BlockingConnection(pika.URLParameters(f"amqp://guest:guest@127.0.0.1:{port}")).close()
            return True
        return False

    return Server([program("rabbitmq-server")], port, environment, ready)


def postgres_server(folder: Path) -> Server:
    """PostgreSQL in an empty folder, which must be open to other users: as root it runs as a user of its own, since it refuses root."""
    places = ":".join(str(place) for place in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    initdb, postgres = (shutil.which(name, path=f"{os.environ.get('PATH', '')}:{places}") for name in ("initdb", "postgres"))
    if initdb is None or postgres is None:
        pytest.skip("PostgreSQL is not installed (Debian has it as a package)")
    user = None
    if os.geteuid() == 0:
        user = next((entry.pw_name for entry in pwd.getpwall() if entry.pw_name in ("postgres", "nobody") and entry.pw_uid), None)
        if user is None:
            pytest.skip("PostgreSQL refuses to run as root, and there is no other user here")
        shutil.chown(folder, user)
    begun = subprocess.run(
        [initdb, "--no-sync", "-U", "weft", "-A", "trust", "-E", "UTF8", "--locale", "C", "-D", str(folder / "base")],
        user=user, env={**os.environ, "HOME": str(folder)}, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if begun.returncode:
        pytest.skip(f"initdb does not work here: {begun.stderr[-300:]}")
    port = free_port()
    options = ["-D", str(folder / "base"), "-h", "127.0.0.1", "-p", str(port), "-k", "", "-c", "dynamic_shared_memory_type=mmap"]
    return Server([postgres, *options], port, {"HOME": str(folder)}, user=user)
