"""How fast this machine is, so that what is promised of CPU time can be tested on any."""

import json
import statistics
import time

_USUAL = 180e-6  # seconds of CPU that a round took where the promises were made


def slowness() -> float:
    """Compare a fixed piece of work with what it took where the promises were made; at least 1."""
    return max(1.0, statistics.median(_round() for _ in range(100)) / _USUAL)


def _round() -> float:
    begun = time.process_time()
    text = json.dumps({f"k{number}": [number, str(number)] for number in range(200)})
    sum(len(str(each)) for each in json.loads(text).values())
    return time.process_time() - begun
