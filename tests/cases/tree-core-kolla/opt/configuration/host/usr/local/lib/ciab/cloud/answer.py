"""How a word answers: it returns for yes, and raises `No` with the reason."""

import time


class No(Exception):
    """The answer is no, and this is why."""


def within(seconds, what, ask, every=2):
    """Asks until the answer is true, and returns it; `what` says what is still missing, a text or a function."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise No(f"after {seconds} s: {what() if callable(what) else what}")
        time.sleep(every)


def different(wanted, there):
    """The attributes of an object of the cloud that are not as wanted."""
    return [key for key, value in wanted.items() if getattr(there, key) != value]
