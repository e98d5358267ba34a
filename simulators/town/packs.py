"""From blocks to packs: SenML in JSON, by templates and one call of orjson, not record by record."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import orjson
from numpy.typing import NDArray

from bypuls.readings import SECOND, TimeArray
from simulators.town.town import Block, Channel

_DIMENSIONLESS = "1"
_Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class NodePack:
    """A pack of a node, yet without log and seq; `tick` is its first instant, microseconds since 1970."""

    node: str
    body: bytes
    readings: int
    tick: int


def packs(block: Block) -> Iterator[NodePack]:
    """Write a block as packs, one a node; nodes that send nothing have none."""
    group, channels = block.group, block.group.channels
    columns = [block.values[channel.name] for channel in channels]
    values = np.stack(columns, axis=1)  # (n, channels, t), so that a pack's values lie side by side
    texts = orjson.dumps(np.ascontiguousarray(values).ravel(), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(
        b","
    )
    each = values.shape[1] * values.shape[2]
    usual = tuple(range(0, values.shape[2] * group.step, group.step))
    odd = _odd(block)
    for index, row in enumerate(block.rows.tolist()):
        node, tick = group.names[row], int(block.tick[index, 0])
        own = texts[index * each : (index + 1) * each]
        if odd[index]:
            yield from _odd_pack(block, index, node, own)
            continue
        base = tick // SECOND
        template = _template(channels, tuple(offset + tick % SECOND for offset in usual), group.step)
        yield NodePack(node, template % (base, *own), each, tick)


def stamps(block: Block, channel: Channel) -> TimeArray:
    """Return what times a channel's values carry, int64 (n, t): what the node's clock says they are."""
    stamped = block.tick - block.group.step * channel.windowed
    return stamped if block.skew is None else stamped + block.skew


def wrong_unit(channel: Channel) -> str:
    """Return the unit that a fault gives a channel's values."""
    return "Cel" if channel.unit == "V" else "V"


def _odd(block: Block) -> _Rows:
    odd = np.zeros(len(block.rows), np.bool_)
    if block.sent is not None:
        odd |= ~block.sent.all(axis=1)
    if block.skew is not None:
        odd |= block.skew.any(axis=1)
    for mask in block.units.values():
        odd |= mask.any(axis=1)
    return odd


def _odd_pack(block: Block, index: int, node: str, texts: list[bytes]) -> Iterator[NodePack]:
    """Write the pack of a node to which something is wrong, record by record."""
    width = block.tick.shape[1]
    sent = range(width) if block.sent is None else np.flatnonzero(block.sent[index]).tolist()
    if not sent:
        return
    records, base = [], 0
    for number, channel in enumerate(block.group.channels):
        times = stamps(block, channel)[index].tolist()
        wrong = block.units.get(channel.name)
        for place in sent:
            base = base or times[place] // SECOND
            unit = wrong_unit(channel) if wrong is not None and wrong[index, place] else channel.unit
            value = texts[number * width + place]
            records.append(_record(channel.name, unit, times[place] - base * SECOND) % value)
    head = b'[{"bt":%d,' % base
    body = head + b",".join(records)[1:] + b"]"
    yield NodePack(node, body, len(records), int(block.tick[index, 0]))


@lru_cache(4_096)
def _template(channels: tuple[Channel, ...], offsets: tuple[int, ...], step: int) -> bytes:
    """Return a pack with room for its base time and for its values, channel by channel."""
    records = [
        _record(channel.name, channel.unit, offset - step * channel.windowed)
        for channel in channels
        for offset in offsets
    ]
    return b'[{"bt":%d,' + b",".join(records)[1:] + b"]"


def _record(name: str, unit: str, offset: int) -> bytes:
    fields = f'{{"n":{json.dumps(name)}'
    if unit != _DIMENSIONLESS:
        fields += f',"u":{json.dumps(unit).replace("%", "%%")}'
    if offset:
        fields += f',"t":{offset // SECOND if offset % SECOND == 0 else offset / SECOND}'
    return fields.encode() + b',"v":%b}'
