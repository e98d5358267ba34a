"""`python -m edge.pi` is `bypuls-edge`."""

from edge.pi.command import main

if __name__ == "__main__":
    main()
