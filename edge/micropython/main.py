"""Runs the agent for ever, with the board that this is and the settings in config.json."""

import gc
import sys

gc.threshold(1024)  # collected often while code is loaded, memory stays in one piece
BOARDS = {"esp32": "boards.esp32", "rp2": "boards.pico_w", "linux": "boards.unix"}


def run(path):
    """Run the agent; a fault is written to fault.txt, and the board starts again."""
    from node.assembly import assemble
    from node.forgetting import forget

    board = __import__(BOARDS[sys.platform], None, None, ("Board",))
    try:
        agent = assemble(path, board.Board)
        del assemble
        forget("assembly")
        gc.threshold(max(1024, gc.mem_free() // 4))
        while True:
            agent.step()
    except KeyboardInterrupt:
        agent.close()
    except Exception as error:  # noqa: BLE001 - whatever it is, the node must go on
        sys.print_exception(error)
        try:
            from node.faults import note

            note(error)
        except Exception as another:  # noqa: BLE001 - the flash may be full
            sys.print_exception(another)
        board.reset()


run(sys.argv[1] if len(sys.argv) > 1 else "config.json")
