"""Fields: what a table of the settings may hold, told by a text, which takes little memory.

It says `name kind limits` of each, with semicolons between them. After the limits comes `!` for a field that
must be there, or `=` and a default.
"""

from micropython import const

from node.checks import seconds, shown, statistics

_KINDS = const(
    """
whole=a whole number, %s to %s
number=a number, %s to %s
seconds=a number of seconds
text=a text of %s to %s characters
secret=a text of %s to %s characters
flag=true or false
table=an object, {…}
names=a list of texts that are not empty
one=one of %s
"""
)


def check(table, text, where=""):
    """Check a table by the text that tells its fields; fill in defaults, and turn seconds into ms.

    Raises ValueError with a line for each mistake: its key (`where` before it), its value, but for secrets,
    and what is allowed.
    """
    if not isinstance(table, dict):
        raise ValueError("%s: must be an object, {…}" % where[:-1])
    faults, names = [], []
    for line in text.split(";"):
        name, kind, *limits = line.split()
        names.append(name)
        last = limits.pop() if limits and limits[-1][0] in "!=" else ""
        if name not in table and last[:1] == "=":
            table[name] = int(last[1:]) if last[1:].isdigit() else last[1:]
        try:
            if name in table:
                table[name] = _checked(table[name], kind, limits, where + name)
            elif last:
                raise ValueError("%s%s: is missing; it must be %s" % (where, name, _allowed(kind, limits)))
        except ValueError as error:
            faults.append(str(error))
    strange, known = [name for name in table if name not in names], ", ".join(names)
    faults += ["%s%s: there is no such field, but %s" % (where, name, known) for name in strange]
    if faults:
        raise ValueError("\n".join(faults))


def _checked(value, kind, limits, where):
    if kind == "seconds":
        return seconds(value, where, limits[0] == "0")
    if kind == "statistics":
        statistics(value, where)
    elif not _good(value, kind, limits):
        told = "it" if kind in ("secret", "table") else shown(value)
        raise ValueError("%s: %s must be %s" % (where, told, _allowed(kind, limits)))
    return value


def _allowed(kind, limits):
    at = _KINDS.find("\n" + kind + "=") + len(kind) + 2
    sentence = _KINDS[at : _KINDS.find("\n", at)]
    return sentence % (", ".join(limits) if kind == "one" else tuple(limits[: sentence.count("%s")]))


def _good(value, kind, limits):
    if kind in ("whole", "number"):
        number = isinstance(value, int if kind == "whole" else (int, float)) and not isinstance(value, bool)
        return number and float(limits[0]) <= value <= float(limits[1])
    if kind in ("text", "secret"):
        return isinstance(value, str) and int(limits[0]) <= len(value) <= int(limits[1])
    if kind == "one":
        return value in limits
    if kind == "names":
        return isinstance(value, list) and value and all(isinstance(name, str) and name for name in value)
    return isinstance(value, dict if kind == "table" else bool)
