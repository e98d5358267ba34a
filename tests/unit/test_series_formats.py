"""Tables as text: CSV that a CSV reader reads back."""

import csv
import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from api import series_formats, times
from bypuls.numeric.kinds import Kind
from bypuls.series.source import Source
from bypuls.series.table import Series, Table
from bypuls.store.facts import StreamFacts

names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.sampled_from('",'), min_size=1
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    size = draw(st.integers(0, 20))
    start = draw(st.integers(-(10**10), 4 * 10**15))
    time = start + np.arange(size, dtype=np.int64) * 1_000_000
    series = [
        Series(
            StreamFacts(number, name, None, "", "1", Kind.LINEAR, 60.0),
            Source.READINGS,
            {
                "mean": draw(arrays(np.float64, size, elements=st.floats(allow_infinity=False))),
                "n": draw(arrays(np.int64, size, elements=st.integers(0, 10**9))),
            },
        )
        for number, name in enumerate(draw(st.lists(names, max_size=3, unique=True)))
    ]
    return Table("1s", None, time, start, start + size * 1_000_000, np.zeros(size, np.bool_), series)


@given(tables())
def test_csv_is_read_back_to_the_last_bit(table: Table) -> None:
    header, *rows = csv.reader(io.StringIO(series_formats.to_csv(table).decode(), newline=""))
    assert header == ["time", "partial"] + [
        f"{each.facts.name}:{name}" for each in table.series for name in ("mean", "n")
    ]
    assert [row[0] for row in rows] == [times.write(time) for time in table.time.tolist()]
    for place, each in enumerate(table.series):
        means = np.array([float(row[2 + 2 * place] or "nan") for row in rows])
        assert np.array_equal(means, each.values["mean"], equal_nan=True)
        assert [int(row[3 + 2 * place]) for row in rows] == each.values["n"].tolist()
