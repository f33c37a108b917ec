"""The tests themselves: none waits without a time limit, and none imports another."""

import ast
from collections.abc import Iterator

from tests import ROOT

STARTERS = {"Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput"}
"""What `subprocess` starts a process with."""
MAY_START = {"tests/support/forked.py", "tests/support/processes.py", "tests/support/slurm.py"}
"""They kill what they start."""

WRONG = """\
from subprocess import check_output
from tests.unit.test_house import level
from tests.unit import test_house
import tests.conftest
done = subprocess.run(["true"], timeout=1)
with subprocess.Popen(["true"]) as process: pass
process.wait()
process.communicate("text")
process.stdout.readline()
thread.join()
future.result()
os.read(0, 1)
functools.partial(subprocess.check_output, ["true"])
while not done: time.sleep(1)
"""

RIGHT = """\
from tests.support.processes import start
def act(process: subprocess.Popen[str]) -> None: pass
process.wait(10)
process.wait(timeout=10)
process.communicate(timeout=10)
process.communicate("text", 10)
thread.join(10)
", ".join(words)
pipe = subprocess.PIPE
path.read_text()
"""


def has_limit(call: ast.Call, before: int) -> bool:
    """Whether a call has a timeout: by name, or as a positional argument that has so many before it."""
    return len(call.args) > before or any(each.arg in ("timeout", None) for each in call.keywords)


def waits(call: ast.Call) -> str | None:
    """Why a call may never return."""
    if not isinstance(call.func, ast.Attribute):
        return None
    name, of = call.func.attr, call.func.value
    if name == "communicate" and not has_limit(call, 1):
        return "communicate() needs a timeout"
    if name in ("wait", "join", "result") and not has_limit(call, 0) and ast.unparse(of) != "os":
        return f"{name}() needs a timeout"
    if name.startswith("read") and isinstance(of, ast.Attribute) and of.attr in ("stdout", "stderr"):
        return "a pipe needs a time limit: use read_until or finish"
    return None


def polls(loop: ast.While) -> bool:
    """Whether a loop does little but sleep for a fixed time."""
    calls = [each.value for each in loop.body if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call)]
    return any(ast.unparse(call.func) == "time.sleep" and isinstance(call.args[0], ast.Constant) for call in calls)


def imports(node: ast.Import | ast.ImportFrom) -> str | None:
    """What is wrong with an import."""
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    names = {each.name for each in node.names}
    parts = [part for name in (module, *names) for part in name.split(".")]
    if any(part.startswith("test_") or part == "conftest" for part in parts):
        return "what tests share belongs in tests/support"
    if module == "subprocess" and names & STARTERS:
        return "use tests.support.processes"
    return None


def mistakes(text: str, file: str) -> Iterator[str]:
    """What is wrong with the code of a file."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.expr | ast.stmt)]
    types = {id(node.value) for node in nodes if isinstance(node, ast.Subscript)}
    for node in nodes:
        wrong = None
        if isinstance(node, ast.Call):
            wrong = waits(node)
        elif isinstance(node, ast.Attribute) and id(node) not in types and file not in MAY_START:
            name = ast.unparse(node)
            if name in {"os.system", "os.popen", "os.read", *(f"subprocess.{each}" for each in STARTERS)}:
                wrong = f"{name} has no time limit, or leaves a process behind: use tests.support.processes"
        elif isinstance(node, ast.While) and not file.startswith("tests/support/") and polls(node):
            wrong = "a loop that waits needs a time limit: use wait_until"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            wrong = imports(node)
        if wrong:
            yield f"{file}:{node.lineno}: {wrong}"


def test_no_test_waits_without_a_limit_or_imports_another() -> None:
    files = {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "tests").rglob("*.py"))}
    assert len(files) > 100
    assert [wrong for file, text in files.items() for wrong in mistakes(text, file)] == []


def test_a_mistake_is_found_and_nothing_else() -> None:
    missed = [line for line in WRONG.splitlines() if not list(mistakes(line, "tests/unit/test_a.py"))]
    assert missed == []
    assert list(mistakes(RIGHT, "tests/unit/test_a.py")) == []
