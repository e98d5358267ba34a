"""Runs the agent for ever, with the board that this is and the settings in config.json."""

import sys

from node import settings
from node.agent import Agent
from sensors import make

BOARDS = {"esp32": "boards.esp32", "rp2": "boards.pico_w", "linux": "boards.unix"}


def run(path):
    """Run the agent; after a fault it is written to fault.txt, and the board starts again."""
    chosen = settings.load(path)
    board = __import__(BOARDS[sys.platform], None, None, ("Board",)).Board(chosen)
    try:
        agent = Agent(chosen, board, make)
        while True:
            agent.step()
    except KeyboardInterrupt:
        raise
    except Exception as error:
        with open("fault.txt", "w") as file:
            sys.print_exception(error, file)
        sys.print_exception(error)
        board.reset()


run(sys.argv[1] if len(sys.argv) > 1 else "config.json")
