"""Waiting between attempts."""

import random
import time

# The longest waits before the second, third and fourth attempt, in seconds. All of them have to fit
# into the time that the host gives to a request.
DELAYS = (0.2, 0.4, 0.8)

# Not the functions of `random` itself, whose state is part of the component: every instance would
# start with the same numbers.
_random = random.SystemRandom()


def sleep(delay: float) -> None:
    """Waits between half of `delay` and all of it, so that those who failed together don't come
    back together."""
    time.sleep(_random.uniform(delay / 2, delay))
