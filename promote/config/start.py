"""`python -m promote.config.start MODULE …`: another package's program as a process of ours.

Should it crash, it says so by the kind and the place of the error (crashes.py).
"""

import runpy
import sys

from promote.config import crashes

if __name__ == "__main__":
    crashes.tell_privately()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
