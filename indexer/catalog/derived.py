"""Spaces that are worked out from stored ones, and what a search weighs where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrail.indexer.catalog.transaction import Transaction

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class DerivedSpace:
    """A space whose vectors are those of a stored one, transformed.

    Attributes:
        name: such as ``gem@9/w128``.
        base: the stored space.
        digest: sha256 (hex) of the file that holds the transform.
        dim: numbers of a vector.
        fitted_rows: images that the transform was fitted on.
        fitted_seq: the commit that they are of.
    """

    name: str
    base: str
    digest: str
    dim: int
    fitted_rows: int
    fitted_seq: int


def read_derived(connection: DuckDBPyConnection) -> tuple[DerivedSpace, ...]:
    """The derived spaces, by name."""
    rows = connection.execute(
        "SELECT name, base, digest, dim, fitted_rows, fitted_seq FROM derived_spaces ORDER BY name"
    ).fetchall()
    return tuple(DerivedSpace(*row) for row in rows)


def put_derived(transaction: Transaction, space: DerivedSpace) -> None:
    """Note a derived space, in place of one of the same name."""
    transaction.run("DELETE FROM derived_spaces WHERE name = ?", [space.name])
    told = {
        "name": space.name,
        "base": space.base,
        "digest": space.digest,
        "dim": space.dim,
        "fitted_rows": space.fitted_rows,
        "fitted_seq": space.fitted_seq,
        "seq": transaction.seq,
    }
    transaction.append("derived_spaces", {name: [value] for name, value in told.items()})


def drop_derived(transaction: Transaction, name: str) -> None:
    """Forget a derived space, and the weights that searches were to have where it is one of them.

    Without it they would tell another mixture than was chosen.
    """
    transaction.run("DELETE FROM derived_spaces WHERE name = ?", [name])
    if name in read_default_weights(transaction.connection):
        put_default_weights(transaction, {})


def read_default_weights(connection: DuckDBPyConnection) -> dict[str, float]:
    """Space -> weight, as they were chosen; none where nothing was."""
    rows = connection.execute("SELECT space, weight FROM default_weights ORDER BY space").fetchall()
    return dict(rows)


def put_default_weights(transaction: Transaction, weights: Mapping[str, float]) -> None:
    """Let searches weigh spaces so where nothing is said; with none, all stored ones equally."""
    transaction.run("DELETE FROM default_weights")
    rows: dict[str, list[Any]] = {
        "space": list(weights),
        "weight": list(weights.values()),
        "seq": [transaction.seq] * len(weights),
    }
    transaction.append("default_weights", rows)
