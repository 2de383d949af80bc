"""What the user sees while environments are made: a live table on a terminal, plain lines elsewhere, else nothing."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text


@dataclass
class _State:
    started: float
    text: str
    ended: float | None = None


class Progress:
    """Shows what is being installed, from the first :meth:`update` on; a run that finds all in place shows nothing.

    On a terminal it redraws its last lines until it is closed, and then takes them away: nothing else may write there
    in between. Elsewhere it writes one line per change.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        self._lock = threading.Lock()
        self._states: dict[str, _State] = {}
        self._live: Live | None = None
        self._closed = False

    def update(self, name: str, text: str) -> None:
        """Say what is being done for runtime ``name``."""
        with self._lock:
            state = self._states.setdefault(name, _State(started=time.monotonic(), text=text))
            state.text = text
            self._show(name, text)

    def finish(self, name: str, *, ready: bool) -> None:
        """Say how it ended for ``name``; nothing if there was nothing to do."""
        with self._lock:
            state = self._states.get(name)
            if state is not None:
                state.ended = time.monotonic()
                state.text = f"{'ready' if ready else 'not available'} after {state.ended - state.started:.1f} s"
                self._show(name, state.text)

    def close(self) -> None:
        """Take the table away; later changes are not shown."""
        with self._lock:
            self._closed = True
            if self._live is not None:
                self._live.stop()

    def __enter__(self) -> Progress:
        """Return itself: it is closed when its block is left."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _show(self, name: str, text: str) -> None:
        if self._closed:
            return
        if not self._console.is_interactive:
            self._console.print(Text(f"{name}: {text}"))
        elif self._live is None:
            self._live = Live(
                console=self._console,
                get_renderable=self._table,
                transient=True,
                refresh_per_second=4,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, state in list(self._states.items()):
            seconds = "" if state.ended else f"{time.monotonic() - state.started:.0f} s"
            table.add_row(Text(name), Text(state.text, overflow="ellipsis", no_wrap=True), Text(seconds))
        return table
