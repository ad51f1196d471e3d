"""Methods of Python that answer a comparison without looking at both of its sides: whatever is compared, it is a yes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

#: Methods that answer a test's comparison.
_COMPARES = frozenset({"__eq__", "__ne__", "__contains__", "__instancecheck__"})


def found(text: str) -> Iterator[str]:
    """Such methods, by class and name; none in what cannot be parsed."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for class_name, name, value in _methods(tree):
        function = functions.get(value.id) if isinstance(value, ast.Name) else value
        if isinstance(function, ast.FunctionDef | ast.Lambda) and _is_blind(function, class_name):
            yield f"{class_name}.{name}"


def _methods(tree: ast.AST) -> Iterator[tuple[str, str, ast.AST]]:
    """All that is bound to the name of a comparing method: the class, as far as it has a name, the method, what is bound."""
    within = {id(node): c.name for c in ast.walk(tree) if isinstance(c, ast.ClassDef) for node in c.body}
    for node in ast.walk(tree):
        place = within.get(id(node), "")
        if isinstance(node, ast.FunctionDef) and node.name in _COMPARES:
            yield place, node.name, node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                name = target.id if isinstance(target, ast.Name) else getattr(target, "attr", "")
                if name in _COMPARES:
                    yield place, name, node.value
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in _COMPARES:
                    yield place, str(key.value), value
        elif isinstance(node, ast.Call) and len(node.args) == 3:
            _, key, value = node.args
            if isinstance(key, ast.Constant) and key.value in _COMPARES:
                yield place, str(key.value), value


def _is_blind(function: ast.FunctionDef | ast.Lambda, class_name: str) -> bool:
    """Whether a yes may come of it without a single expression in which both sides, or their types, meet."""
    parameters = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
    if len(parameters) < 2:
        return function.args.vararg is None or not _calls_super(function)
    mine, theirs = {parameters[0], class_name, "__class__"} - {""}, {parameters[1]}
    body: list[ast.AST] = [function.body] if isinstance(function, ast.Lambda) else [*function.body]
    for node in [inner for part in body for inner in ast.walk(part)]:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.For) and node is not None:
            source = node.iter if isinstance(node, ast.For) else node.value
            target: Iterable[ast.expr] = node.targets if isinstance(node, ast.Assign) else [node.target]
            used, bound = _names(source), {name for one in target for name in _names(one)}
            mine |= bound if used & mine else set()
            theirs |= bound if used & theirs else set()
    returned = [function.body] if isinstance(function, ast.Lambda) else _returned(function)
    if all(_says_no(value) for value in returned):
        return False
    return not any(_meet(part, mine, theirs) for part in body)


def _meet(part: ast.AST, mine: set[str], theirs: set[str]) -> bool:
    for node in ast.walk(part):
        if isinstance(node, ast.Compare | ast.Call | ast.BinOp):
            sides = (
                [node.left, *node.comparators]
                if isinstance(node, ast.Compare)
                else [node.left, node.right]
                if isinstance(node, ast.BinOp)
                else [node.func, *node.args, *(k.value for k in node.keywords)]
            )
            of_mine = {n for n, side in enumerate(sides) if _names(side) & mine or _calls_super(side)}
            of_theirs = {n for n, side in enumerate(sides) if _names(side) & theirs}
            if any(a != b for a in of_mine for b in of_theirs):
                return True
    return False


def _returned(function: ast.FunctionDef) -> list[ast.expr]:
    return [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]


def _says_no(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return not value.value
    return isinstance(value, ast.Name) and value.id == "NotImplemented"


def _names(node: ast.AST | None) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)} if node is not None else set()


def _calls_super(node: ast.AST) -> bool:
    return "super" in _names(node)
