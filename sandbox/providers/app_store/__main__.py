import sys

from sandbox.providers.app_store.app_store import AppStore
from sandbox.providers.plumbing.stand_in import main

if __name__ == "__main__":
    sys.exit(main("sandbox.providers.app_store", AppStore))
