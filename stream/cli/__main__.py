"""`python -m stream.cli` is the command `groundswell`."""

from stream.cli.main import main

main()
