"""Joining the ranks that torchrun or ``launch`` started, and starting some on this machine."""

from __future__ import annotations

import atexit
import datetime
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence

import torch
import torch.distributed as dist


def join() -> dist.ProcessGroup | None:
    """The process group that the environment describes (``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR``, as torchrun sets them), or None alone.

    NCCL on CUDA machines, gloo elsewhere. Joining twice returns the same group.
    """
    if not dist.is_initialized():
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return None
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=datetime.timedelta(minutes=30))
        atexit.register(leave)
    return dist.group.WORLD


def leave() -> None:
    """Leave the group that `join` joined; done at exit by itself."""
    if dist.is_initialized():
        # A thread of gloo may still hold the tensors of the last exchange. To let go of them it needs the interpreter, and a process
        # whose interpreter ends before that is aborted (torch 2.13: std::terminate in ~AsyncAllreduceWork).
        time.sleep(0.5)
        dist.destroy_process_group()


def launch(command: Sequence[str], ranks: int) -> int:
    """Run ``command`` once per rank on this machine and return the first non-zero exit status, or 0.

    When a rank fails, the others are stopped: they would wait for it for ever. Interrupts reach all ranks.
    """
    if ranks < 1:
        raise ValueError(f"ranks={ranks}: give the number of processes, at least 1.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared.setdefault("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // ranks))))
    started = [subprocess.Popen(list(command), env=os.environ | shared | {"RANK": str(r), "LOCAL_RANK": str(r)}) for r in range(ranks)]
    try:
        while True:
            codes = [p.poll() for p in started]
            failed = [c for c in codes if c]
            if failed or all(c == 0 for c in codes):
                return failed[0] if failed else 0
            time.sleep(0.05)
    except KeyboardInterrupt:
        for process in started:
            process.send_signal(signal.SIGINT)
        return max(abs(p.wait()) for p in started)
    finally:
        for process in started:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
