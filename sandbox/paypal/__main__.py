import sys

from sandbox.paypal.paypal import Paypal
from sandbox.plumbing.stand_in import main

if __name__ == "__main__":
    sys.exit(main("sandbox.paypal", Paypal))
