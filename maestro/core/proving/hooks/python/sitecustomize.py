"""Loaded by every Python of a check (PYTHONPATH): finds pytest, unittest and its like and has them tell of each test.

Runs in whatever Python the repository uses, so in an old dialect, and never raises. What was to be loaded under
this name is loaded as well, and the folder is taken off the path again.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_FOLDER = os.path.dirname(os.path.dirname(_HERE))
_OWN = str(os.getpid())


def _inside():
    return os.environ.get("MAESTRO_REPORTING", _OWN) != _OWN


def _begin(kind):
    os.environ["MAESTRO_REPORTING"] = _OWN
    return os.path.join(_FOLDER, "%s-%s" % (kind, _OWN))


class _Watch(object):
    """Finds modules as ever, and looks at the two that matter once they are loaded."""

    def __init__(self):
        self.busy = False

    def find_spec(self, name, path=None, target=None):
        hook = _HOOKS.get(name)
        if hook is None or self.busy:
            return None
        self.busy = True
        try:
            from importlib.util import find_spec

            spec = find_spec(name)
        except Exception:
            return None
        finally:
            self.busy = False
        if spec is None or not hasattr(spec.loader, "exec_module"):
            return None
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            try:
                hook(module)
            except Exception:
                pass

        spec.loader.exec_module = exec_module
        return spec


def _pytest(_module):
    """Each pytest of a check writes a report of its own; one that a test starts writes none."""
    wanted = os.path.join(_FOLDER, "junit.xml")
    options = os.environ.get("PYTEST_ADDOPTS", "")
    if wanted not in options:
        return
    if _inside():
        os.environ["PYTEST_ADDOPTS"] = " ".join(o for o in options.split(" ") if wanted not in o)
    else:
        os.environ["PYTEST_ADDOPTS"] = options.replace(wanted, _begin("pytest") + ".xml")


def _runner(name):
    """A hook for a module with a runner of unittest's kind: the result that a run makes notes how each test ended."""

    def hook(module):
        runner = getattr(module, name)
        run, make, paths = runner.run, runner._makeResult, []

        def wrapped(self, *args, **options):
            if os.environ.get("MAESTRO_REPORTING"):
                return run(self, *args, **options)
            paths.append(_begin("unittest") + ".jsonl")
            try:
                return run(self, *args, **options)
            finally:
                del paths[:]
                os.environ.pop("MAESTRO_REPORTING", None)

        def make_result(self):
            result = make(self)
            try:
                if paths:
                    _listen(result, paths.pop())
            except Exception:
                pass
            return result

        runner.run, runner._makeResult = wrapped, make_result

    return hook


_NOT_LOADED = ("unittest.loader._FailedTest.", "nose2.loader.ModuleImportFailure.", "nose2.loader.LoadTestsFailure.")


def _listen(result, path):
    import json

    def tell(test, outcome):
        try:
            name = test.id()
            line = {"names": [name], "outcome": outcome}
            if name.startswith(_NOT_LOADED):
                line = {"file": name.split(".", 3)[3], "loaded": False}
            elif type(test).__name__ == "ErrorHolder":  # what trial could not load
                line = {"file": name, "loaded": False}
            elif not hasattr(test, "_testMethodName") and hasattr(test, "test_case"):
                line["names"] = [test.test_case.id()]  # a subtest stands for its test
            with open(path, "a") as out:
                out.write(json.dumps(line) + "\n")
        except Exception:
            pass

    with open(path, "a") as out:
        out.write('{"kind": "unittest"}\n')
    told = {
        "addSuccess": "passed",
        "addFailure": "failed",
        "addError": "failed",
        "addSkip": "skipped",
        "addExpectedFailure": "skipped",
        "addUnexpectedSuccess": "failed",
    }
    for method, outcome in told.items():
        _wrap(result, method, tell, outcome)
    sub = getattr(result, "addSubTest", None)
    if sub is not None:

        def add_sub_test(test, subtest, error):
            if error is not None:
                tell(test, "failed")
            return sub(test, subtest, error)

        result.addSubTest = add_sub_test


def _wrap(result, method, tell, outcome):
    add = getattr(result, method)

    def wrapped(test, *args):
        tell(test, outcome)
        return add(test, *args)

    setattr(result, method, wrapped)


_HOOKS = {
    "_pytest.config": _pytest,
    "unittest.runner": _runner("TextTestRunner"),
    "nose2.runner": _runner("PluggableTestRunner"),
    "twisted.trial.runner": _runner("TrialRunner"),
    "twisted.trial._dist.disttrial": _runner("DistTrialRunner"),
}


def _note_elsewhere():
    """At the end of a program: which of its modules lie in another checkout of the repository, and which are installed
    under a name of the repository's own."""
    import atexit

    with open(os.path.join(_FOLDER, "checkouts")) as told:
        places = [line.rstrip("\n") + os.sep for line in told]
    with open(os.path.join(_FOLDER, "names")) as told:
        names = told.read().split()

    def look():
        try:
            found, real = [], {}
            for module in list(sys.modules.values()):
                path = getattr(module, "__file__", None)
                if not isinstance(path, str):
                    continue
                folder = os.path.dirname(path)
                if folder not in real:
                    real[folder] = os.path.realpath(folder)
                path = os.path.join(real[folder], os.path.basename(path))
                if not path.startswith(places[0]) and path.startswith(tuple(places[1:])):
                    found.append(path)
            copies = [getattr(sys.modules.get(name), "__file__", None) for name in names]
            found = sorted(found)[:200] + [path for path in copies if path and "-packages" + os.sep in path]
            if found:
                with open(os.path.join(_FOLDER, "elsewhere", "python-%d" % os.getpid()), "w") as out:
                    out.write("\n".join(found) + "\n")
        except Exception:
            pass

    atexit.register(look)


def _start():
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != _HERE]
    ours = sys.modules.pop("sitecustomize", None)
    if sys.version_info >= (3, 5):
        sys.meta_path.insert(0, _Watch())
    try:
        _note_elsewhere()
    except Exception:
        pass
    try:
        import sitecustomize  # noqa: F401
    except ImportError:
        if ours is not None:
            sys.modules["sitecustomize"] = ours


_start()
