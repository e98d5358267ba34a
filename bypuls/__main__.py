"""`python -m bypuls`: the same as the command `bypuls`."""

from bypuls.command import main

main()
