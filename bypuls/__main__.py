"""`python -m bypuls` is the command `bypuls`."""

import sys


def main() -> None:
    """Run the command; where only the agent's few packages are installed, say what is missing."""
    try:
        # Here, because an agent's installation has no typer, and a traceback would not say what to do.
        from bypuls.command import main as run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("bypuls"):
            raise
        sys.exit(f"bypuls: {error.name} is not installed; the platform needs: pip install 'bypuls[server]'")
    run()


if __name__ == "__main__":
    main()
