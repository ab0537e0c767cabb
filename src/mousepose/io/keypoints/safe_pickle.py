"""Reads the plain lists that PyTables pickles into HDF5 attributes, and nothing else.

Unpickling an untrusted file runs whatever code it names. The column labels of a pandas table are
lists of tuples of strings; the few opcodes that build those are carried out here one by one, and
every other opcode (a class, a function, a call) is refused before anything happens.
"""

from __future__ import annotations

import pickletools
from typing import Any

from mousepose.errors import FileError

_MARK = object()
_CONSTANTS = {"UNICODE", "STRING", "INT"}
_GROUPS = {"LIST": list, "TUPLE": tuple}


def load_plain(data: bytes) -> Any:
    """Return the lists, tuples, strings, whole numbers and None that a protocol-0 pickle holds.

    Raises `FileError` on any other content and on damaged data.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name == "STOP":
                (result,) = stack
                return result
            _step(opcode.name, argument, stack, memo)
    except FileError:
        raise
    except (ValueError, IndexError, KeyError, AttributeError, UnicodeError) as error:
        raise FileError(f"damaged column labels: {error}") from error
    raise FileError("damaged column labels: cut before their end")


def _step(name: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    if name in _CONSTANTS:
        stack.append(argument)
    elif name == "NONE":
        stack.append(None)
    elif name == "MARK":
        stack.append(_MARK)
    elif name in _GROUPS:
        start = len(stack) - 1 - stack[::-1].index(_MARK)
        stack[start:] = [_GROUPS[name](stack[start + 1 :])]
    elif name == "APPEND":
        value = stack.pop()
        stack[-1].append(value)
    elif name == "PUT":
        memo[argument] = stack[-1]
    elif name == "GET":
        stack.append(memo[argument])
    else:
        raise FileError(
            f"the column labels hold a pickled object (opcode {name}) that could run code; "
            "only lists of plain names are read"
        )
