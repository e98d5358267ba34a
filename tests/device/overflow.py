"""Runs under MicroPython: finite samples with a sum or a mean that is not finite; no pack could hold it."""

from node.channel import Channel

for kind in ("linear", "total", "energetic", "circular"):
    for samples in (
        (1e308, 1e308, 1e308),
        (-1e308, 1e308),
        (0.0, 1e6),
        (float("nan"), 3.0),
        (float("inf"), 3.0),
    ):
        sent = []
        channel = Channel("x", "", kind, 1000, ["mean", "n"], lambda fixed, time, value: sent.append(value))
        for number, sample in enumerate(samples):
            channel.add(number, sample, -1)
        channel.cut()
        assert sent, (kind, samples)
        assert all(value - value == 0 for value in sent), (kind, samples, sent)
        assert sent[-1] == sum(sample - sample == 0 for sample in samples)
