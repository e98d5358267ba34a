"""How the town is, in a sentence: rules over what was measured, without input and output of its own."""

from bypuls.summary.telling import Summary, tell, wanted_history

__all__ = ["Summary", "tell", "wanted_history"]
