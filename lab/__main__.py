"""`python -m lab`, which `make measure` and `make simulate` call."""

from tools.ost.__main__ import main

if __name__ == "__main__":
    main("lab", "lab.commands")
