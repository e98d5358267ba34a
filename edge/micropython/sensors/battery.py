"""The voltage of a battery, behind a divider at an analogue pin."""


class Battery:
    """Reads `pin`; `divider`: the battery's voltage by that at the pin, 2 for two equal resistors."""

    def __init__(self, settings, board):
        self._microvolts = board.adc(settings["pin"])
        self._divider = settings.get("divider", 2)

    def read(self):
        """Return `battery_voltage` (V), the mean of 8 looks."""
        total = 0
        for _ in range(8):
            total += self._microvolts()
        return {"battery_voltage": total // 8 * self._divider / 1_000_000}
