"""One worker of the settlement bench: the worker's own task, until nothing is due.

Says `ready`, begins with the next line on stdin, and says at the end what it needed, as JSON.
"""

import json
import resource
import sys

import django


def main() -> None:
    django.setup()
    from orders.tasks import settle_due

    print("ready", flush=True)
    sys.stdin.readline()
    before = _cpu_s()
    settle_due()
    print(json.dumps({"cpu_s": _cpu_s() - before, "peak_memory_mb": _used().ru_maxrss / 1024}))


def _cpu_s() -> float:
    return _used().ru_utime + _used().ru_stime


def _used() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_SELF)


if __name__ == "__main__":
    main()
