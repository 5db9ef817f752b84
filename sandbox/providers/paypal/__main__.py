import sys

from sandbox.providers.paypal.paypal import Paypal
from sandbox.providers.plumbing.stand_in import main

if __name__ == "__main__":
    sys.exit(main("sandbox.providers.paypal", Paypal))
