"""List the benchmarks: every module here that can be run, with the first line of its docstring."""

import ast
from pathlib import Path


def benchmarks(folder: Path) -> list[tuple[str, str]]:
    """The name and the summary line of each runnable module in the folder, by name."""
    found = []
    for path in sorted(folder.glob("[a-z]*.py")):
        tree = ast.parse(path.read_text())
        if any(isinstance(node, ast.If) and "__main__" in ast.unparse(node.test) for node in tree.body):
            found.append((path.stem, (ast.get_docstring(tree) or "").partition("\n")[0]))
    return found


def main() -> None:
    rows = benchmarks(Path(__file__).parent)
    width = max((len(name) for name, _ in rows), default=0)
    print("Usage: make bench NAME=...")
    for name, summary in rows:
        print(f"  {name:{width}}  {summary}")


if __name__ == "__main__":
    main()
