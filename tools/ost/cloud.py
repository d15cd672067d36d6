"""The local cloud: ministack as a child process that leaves nothing behind."""

import contextlib
import errno
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from tools.ost.console import Failure
from tools.ost.paths import BIN, inherited_environment
from tools.ost.stack import LOCAL_KEYS, LOCAL_REGION

HOST = "127.0.0.1"
START_SECONDS = 60
STOP_SECONDS = 2
"""It waits for calls in flight, and one of them ticks for a minute; nothing in it is worth waiting for."""


def free_port() -> int:
    """Ask the system for a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int, host: str = HOST) -> bool:
    """Tell whether one can listen on the port now; raise Failure when this machine does not have the address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise Failure(f"this machine has no address {host}.") from error
            return False
        return True


class LocalCloud:
    """A context manager: ministack runs inside it, on one port, its files under one directory.

    It runs under this very interpreter because its Lambda workers do: the layers are built for Python 3.13. It has a
    process group of its own, so that Ctrl-C reaches only us and so that stopping it stops every worker.
    """

    def __init__(self, port: int, state: Path, host: str = HOST) -> None:
        self.port = port
        self.host = host
        self.endpoint = f"http://{host}:{port}"
        self.log = state / "log" / "cloud.log"
        self._files = state / "cloud"
        self._process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        """Return the environment in which the SDKs and SAM talk to this cloud and to no other."""
        return inherited_environment() | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": LOCAL_KEYS[0],
            "AWS_SECRET_ACCESS_KEY": LOCAL_KEYS[1],
            "AWS_SESSION_TOKEN": "",
            "AWS_REGION": LOCAL_REGION,
            "AWS_DEFAULT_REGION": LOCAL_REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": f"{self.host},localhost",
        }

    def __enter__(self) -> Self:
        """Start it and wait until it answers; raise Failure when the port is taken or it does not come up."""
        if not port_is_free(self.port, self.host):
            raise Failure(f"port {self.port} is already in use: stop what listens there, or say PORT=<another>.")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._files, ignore_errors=True)
        self._files.mkdir(parents=True)
        settings = {
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": self.host,
            "IOT_MTLS_ENABLED": "0",
            "AUTH": "true",  # each function may do what its own policy says, as on AWS
            "LAMBDA_EXECUTOR": "local",
            "PERSIST_STATE": "0",
            "TMPDIR": str(self._files),
            "STATE_DIR": str(self._files / "state"),
            "PYTHONDONTWRITEBYTECODE": "1",  # Lambda's file system is read-only
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(BIN / "ministack")],
                cwd=self._files,
                env={"LAMBDA_WARM_TTL_SECONDS": "3600"} | self.environment() | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it with every worker and remove its files; safe to repeat."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Also when it ended by itself: a worker in the middle of a call outlives it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self._files, ignore_errors=True)

    @property
    def exit_code(self) -> int | None:
        """Exit code of the process, None while it runs."""
        return self._process.poll() if self._process else None

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.exit_code is not None:
                raise Failure(f"the local cloud ended while starting; its log is {self.log}.")
            if self._answers():
                return
            time.sleep(0.1)
        raise Failure(f"the local cloud did not answer within {START_SECONDS} s; its log is {self.log}.")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()
