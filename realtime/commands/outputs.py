"""Where results go: names, folders, reports, and nothing lost that was there before."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from engines import EngineError
from realtime.commands.terminal import Terminal, UsageError, describe, error
from realtime.media import MediaError, SinkError

LONGEST_LABEL = 60
PLACEHOLDER = re.compile(r"%\d*d|[*?\[\]]")


def is_folder(output: str) -> bool:
    """Whether a person means a folder: it is one, or its name ends as one's."""
    return output.endswith(("/", os.sep)) or Path(output).is_dir()


def choose_target(source: Path, output: str | None, *, label: str, suffix: str, many: bool) -> Path:
    """Return where the painting of a source goes.

    Args:
        source: the input, a file, a folder or a pattern.
        output: what the person said: a file, a folder, or nothing.
        label: tells the result from its source, where the person named no file; a style's name.
        suffix: of the result, likewise.
        many: whether there are several inputs, so that the output must be a folder.

    Raises:
        UsageError: it must be a folder and is none.
    """
    if output is not None and not many and not is_folder(output):
        return Path(output)
    if output is not None and Path(output).is_file():
        raise UsageError(f"{output} is a file, and there are several inputs: name a folder")
    label = re.sub(r"[^\w+-]", "_", label)[:LONGEST_LABEL]
    return (Path(output) if output else source.parent) / f"{stem(source)}-{label}{suffix}"


def stem(source: Path) -> str:
    """Return a name for what a file, folder or pattern holds."""
    if source.is_dir() or not source.name:
        return source.resolve().name or "root"
    return PLACEHOLDER.sub("", source.stem).strip(" ._-") or source.parent.resolve().name


def refuse_clashes(pairs: Sequence[tuple[Path, Path]]) -> None:
    """Make sure that no result replaces another, or an input that is still to be read.

    Raises:
        UsageError: one does.
    """
    inputs = {source.resolve(): source for source, _ in pairs}
    taken: dict[Path, Path] = {}
    for source, target in pairs:
        place = target.resolve()
        if place == source.resolve():
            raise UsageError(f"{target} is the input itself: name another output with -o")
        if place in inputs:
            raise UsageError(f"{target} would be the painting of {source} and is an input: name another output with -o")
        if place in taken:
            raise UsageError(f"{taken[place]} and {source} would both become {target}: paint them into two folders")
        taken[place] = source


def may_write(target: Path, sources: Sequence[Path], *, force: bool, terminal: Terminal) -> None:
    """Make sure that writing loses nothing: ask, or refuse where nobody can answer.

    Raises:
        UsageError: the target is one of the sources, or exists and the person does not want to lose it.
    """
    if not target.exists():
        return
    if any(source.exists() and target.samefile(source) for source in sources):
        raise UsageError(f"{target} is the input itself: name another output with -o")
    is_free = target.is_dir() and not any(target.iterdir())
    if force or is_free:
        return
    answer = terminal.ask(f"{target} exists. {'Write into' if target.is_dir() else 'Overwrite'} it?")
    if answer is None:
        raise UsageError(f"{target} exists: name another output with -o, or use --force")
    if not answer:
        raise UsageError(f"{target} is left as it was")


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing.

    Raises:
        SinkError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as wrong:
        raise SinkError(f"cannot make the folder {folder}: {wrong.strerror}") from wrong


def check_report(path: Path | None) -> None:
    """Refuse early what a report cannot be written to.

    Raises:
        UsageError: it is not called .json, so that nothing else is overwritten.
        SinkError: it has no folder.
    """
    if path is None:
        return
    if path.suffix.lower() != ".json":
        raise UsageError(f"--report {path}: reports are JSON, name it {path.with_suffix('.json')}")
    if not path.parent.is_dir():
        raise SinkError(f"cannot write the report {path}: {path.parent} is no folder, make it first")
    if path.is_dir():
        raise SinkError(f"cannot write the report {path}: it is a folder")


class Batch:
    """The inputs of a command, one after the other: one that fails does not stop the rest.

    Leaving it writes the report.

    Attributes:
        code: the exit code: 0, 1 where something failed, 2 where a wrong command was the worst.
        runs: what the report tells of each input.
    """

    def __init__(self, report: Path | None) -> None:
        check_report(report)
        self.code = 0
        self.runs: list[dict[str, object]] = []
        self._report = report

    def __enter__(self) -> "Batch":
        return self

    @contextmanager
    def run(self, source: Path, entry: dict[str, object] | None = None) -> Iterator[dict[str, object]]:
        """Do something with an input: an error is told, and noted in its entry."""
        if entry is None:
            entry = {"input": str(source)}
            self.runs.append(entry)
        try:
            yield entry
        except (UsageError, MediaError, EngineError, OSError) as wrong:
            entry["error"] = describe(wrong)
            error(describe(wrong))
            self.code = max(self.code, 2 if isinstance(wrong, UsageError) else 1)
        except KeyboardInterrupt:
            entry["error"] = "interrupted"
            raise

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._report is None:
            return
        text = json.dumps({"pincel": version("pincel"), "runs": self.runs}, indent=1, ensure_ascii=False)
        part = self._report.with_name(self._report.name + ".part")
        try:
            part.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")  # a JSON escape, too
            part.replace(self._report)
        except OSError as wrong:
            part.unlink(missing_ok=True)
            raise SinkError(f"cannot write the report {self._report}: {wrong.strerror}") from wrong
