import sys

from sandbox.providers.plumbing.stand_in import main
from sandbox.providers.two_c_two_p.two_c_two_p import TwoCTwoP

if __name__ == "__main__":
    sys.exit(main("sandbox.providers.two_c_two_p", TwoCTwoP))
