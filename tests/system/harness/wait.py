"""Bounded waiting for what shows itself only by looking."""
import threading
import time


class TimedOut(AssertionError):
    """What was waited for did not happen in time."""


def until(predicate, what, seconds=20.0):
    """Looks again and again, at most every 10 ms, until the predicate gives something true; gives that back."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimedOut(f"waited {seconds:g} s for {what() if callable(what) else what}; it did not happen")
        pause.wait(0.01)
