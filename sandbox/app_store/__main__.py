import sys

from sandbox.app_store.app_store import AppStore
from sandbox.plumbing.stand_in import main

if __name__ == "__main__":
    sys.exit(main("sandbox.app_store", AppStore))
