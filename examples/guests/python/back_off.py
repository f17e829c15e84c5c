"""Waiting between attempts."""

import random
import time

# The longest waits before the second, third and fourth attempt, in seconds. All of them have to fit
# into the time that the host gives to a request.
DELAYS = (0.2, 0.4, 0.8)


def sleep(delay: float) -> None:
    """Waits between half of `delay` and all of it, so that those who failed together don't come
    back together."""
    time.sleep(random.uniform(delay / 2, delay))
