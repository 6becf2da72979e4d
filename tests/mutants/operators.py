"""What Cosmic Ray does not take away: a statement, an argument, an item of a list."""

from collections.abc import Iterator
from typing import Any

import parso
from cosmic_ray.operators.operator import Operator
from parso.python.tree import Function

Position = tuple[tuple[int, int], tuple[int, int]]

ACTS = ("atom_expr", "power", "return_stmt", "raise_stmt", "del_stmt", "keyword")
"""The statements without which a module can still be imported."""


class RemoveStatement(Operator):
    """Let a statement do nothing, or a function return None."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        """Give the place of a statement that acts: a call, a return, an assignment."""
        if node.type != "simple_stmt":
            return
        said = node.children[0]
        acts = said.type in ACTS and said.get_code().strip() != "pass"
        if acts or (said.type == "expr_stmt" and _is_change(said)):
            yield said.start_pos, said.end_pos

    def mutate(self, node: Any, _index: int) -> Any:
        """Write `pass` in its place."""
        first = node.children[0]
        parse: Any = parso.parse  # it has no types
        node.children[0] = parse(f"{first.get_first_leaf().prefix}pass")
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """Give none; Cosmic Ray shows them to people."""
        return ()


def _is_change(assignment: Any) -> bool:
    """Tell what changes something from what gives it its name, which is needed."""
    target, sign = assignment.children[:2]
    return bool(target.type == "atom_expr" or (len(str(sign.get_code())) > 2))


class RemoveItem(Operator):
    """Take an item out of a literal, or a keyword argument out of a call."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        """Give the place of each item."""
        for item in _items(node):
            yield item[0].start_pos, item[-1].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Leave the item out, and the comma behind it."""
        item = list(_items(node))[index]
        end = node.children.index(item[-1]) + 1
        del node.children[node.children.index(item[0]) : end + 1]
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """Give none; Cosmic Ray shows them to people."""
        return ()


def _items(node: Any) -> Iterator[list[Any]]:
    """Give the items between commas, if there are several."""
    if node.type not in {"arglist", "testlist_comp", "dictorsetmaker"}:
        return
    found: list[list[Any]] = [[]]
    for child in node.children:
        if child.type == "operator" and child.value == ",":
            found.append([])
        else:
            found[-1].append(child)
    whole = [item for item in found if item]
    if len(whole) == 1 or any(it.type == "sync_comp_for" for it in node.children):
        return
    for item in whole:
        if node.type != "arglist" or _is_named(item[0]):
            yield item


def _is_named(item: Any) -> Any:
    return item.type == "argument" and item.children[1] == "="


PROVIDER = {it.__name__: it for it in (RemoveStatement, RemoveItem)}
"""The operators, as Cosmic Ray asks for them."""


def is_annotation(node: Any) -> bool:
    """Tell whether a node is a part of an annotation, which nothing runs."""
    while node.parent is not None:
        parent = node.parent
        if node.type == "tfpdef" or (
            parent.type == "annassign" and node is parent.children[1]
        ):
            return True
        if isinstance(parent, Function) and node is parent.annotation:
            return True
        node = parent
    return False


def is_inside_function(node: Any) -> bool:
    """Tell whether a node runs when something is called, not when it is imported."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, Function):
            return True
    return False
