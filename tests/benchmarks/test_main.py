from pathlib import Path

from benchmarks.__main__ import benchmarks


def test_benchmarks_are_the_runnable_modules_with_their_summary(tmp_path: Path) -> None:
    (tmp_path / "scoring.py").write_text('"""Pairs a second.\n\nMore."""\nif __name__ == "__main__":\n    print(1)\n')
    (tmp_path / "claims.py").write_text('"""Claims under load."""\nif __name__ == "__main__":\n    print(1)\n')
    (tmp_path / "result.py").write_text('"""No benchmark."""\n')
    (tmp_path / "__main__.py").write_text('"""Not one either."""\nif __name__ == "__main__":\n    print(1)\n')
    assert benchmarks(tmp_path) == [("claims", "Claims under load."), ("scoring", "Pairs a second.")]
