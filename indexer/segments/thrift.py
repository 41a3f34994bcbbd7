"""Thrift's compact protocol, as far as Parquet's footers and page headers use it."""

from __future__ import annotations

from typing import Any

_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)
_DEEPEST = 16  # structs in structs; Parquet's own need 5, and damage must not recurse without end


def read_struct(data: bytes, start: int = 0) -> tuple[dict[int, Any], int]:
    """A struct as field number -> value, and where it ends.

    Raises:
        ValueError: these bytes are no such struct, or end before it does.
    """
    reader = _Reader(data, start)
    try:
        return reader.struct(0), reader.at
    except IndexError as error:
        raise ValueError("its description ends too early") from error


def read_varint(data: bytes, start: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends.

    Raises:
        ValueError: the bytes end before it does.
    """
    reader = _Reader(data, start)
    try:
        return reader.varint(), reader.at
    except IndexError as error:
        raise ValueError("a number ends too early") from error


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def struct(self, depth: int) -> dict[int, Any]:
        if depth > _DEEPEST:
            raise ValueError("its description is too deep")
        fields: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != _STOP:
            step = head >> 4
            number = number + step if step else self._integer()
            fields[number] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind in _INTEGERS:
            return self._integer()
        if kind == _BINARY:
            return self._bytes(self.varint())
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind == _BYTE:
            return self._byte()
        if kind == _DOUBLE:
            return self._bytes(8)
        raise ValueError(f"its description has a value of unknown kind {kind}")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count = head >> 4
        if count == 15:
            count = self.varint()
        if count > len(self._data) - self.at:  # each item takes a byte at least
            raise ValueError("its description ends too early")
        if head & 15 in (_TRUE, _FALSE):  # a byte each in a list, in a struct none
            return [self._byte() == _TRUE for _ in range(count)]
        return [self._value(head & 15, depth) for _ in range(count)]

    def _byte(self) -> int:
        value = self._data[self.at]
        self.at += 1
        return value

    def _bytes(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise IndexError
        value = self._data[self.at : end]
        self.at = end
        return value

    def varint(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("its description has a number without end")

    def _integer(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)
