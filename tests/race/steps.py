"""Several handlers at work at once, of which one moves at a time, by one call to AWS: every interleaving can be played.

Each handler's work runs in a thread that stands still before each of its calls until it is told to go on. It can be
told to do the call once, twice (its first answer was lost, and the client asked again) or to lose the answer for good,
and it can be told to die. Only one thread ever runs, so the emulated tables see one call after another, as they would
from the real thing.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Literal, Self

import pytest
from botocore.exceptions import ReadTimeoutError

from booking import dynamodb, memory

type How = Literal["once", "twice", "lost"]
PATIENCE_SECONDS = 30


class Died(BaseException):
    """Ends a handler's thread between two of its calls. No handler catches it."""


class Work[Result]:
    """One handler at work. `call` is the call that it is about to make, None when it has ended."""

    def __init__(self, name: str, work: Callable[[], Result], cache: dict[Any, Any]) -> None:
        self.name = name
        self.call: str | None = None
        self.answer: Result | None = None
        self.error: Exception | None = None
        self._work, self._cache = work, cache
        self._how: How | None = "once"
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._let_run()

    @property
    def ended(self) -> bool:
        """Whether it has returned, raised or died."""
        return not self._thread.is_alive()

    def step(self, how: How = "once") -> None:
        """Let it do the call that it stands before, and run on to the next."""
        self._how = how
        self._let_run()

    def finish(self) -> None:
        """Let it run to its end."""
        while not self.ended:
            self.step()

    def die(self) -> None:
        """End it where it stands: its next call is never made."""
        self._how = None
        self._let_run()

    def _let_run(self) -> None:
        memory.known = self._cache
        self._go.release()
        assert self._stands.acquire(timeout=PATIENCE_SECONDS), f"{self.name} hangs"
        if self.call is None:
            self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        _here.work = self
        self._go.acquire()
        try:
            self.answer = self._work()
        except Died:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the test that plays the handlers judges it
            self.error = error
        self.call = None
        self._stands.release()

    def before(self, call: str) -> How:
        """Stand still before a call, in the handler's own thread; tells how to do it."""
        self.call = call
        self._stands.release()
        self._go.acquire()
        if self._how is None:
            raise Died
        return self._how


class _Here(threading.local):
    work: Work[Any] | None = None


_here = _Here()


class Steps(AbstractContextManager["Steps"]):
    """While this is entered, the booking layer's client stands still before each call of a `Work`.

    `alter` may change a request's parameters, to show what a condition is good for. `writes` counts the calls that were
    no reads.
    """

    def __init__(self, alter: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None) -> None:
        self.client = dynamodb.client()
        self.writes = 0
        self._alter = alter
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        self._patch.setattr(dynamodb, "client", lambda: self)
        self._patch.setattr(memory, "known", {})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patch.undo()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self.client, name)

        def stepped(**parameters: Any) -> Any:
            how = _here.work.before(name) if _here.work else "once"
            if self._alter:
                parameters = self._alter(name, parameters)
            if name not in {"get_item", "query"}:
                self.writes += 1
            if how == "twice":
                try:
                    call(**parameters)
                except self.client.exceptions.ClientError:
                    return call(**parameters)
            answer = call(**parameters)
            if how == "lost":
                raise ReadTimeoutError(endpoint_url="dynamodb")
            return answer

        return stepped
