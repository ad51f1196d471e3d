"""Loaded by every Python of a check (PYTHONPATH): finds unittest and pytest and has them tell of each test.

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


def _unittest(module):
    """Whatever test result a runner of unittest uses notes how each test ended."""
    run = module.TextTestRunner.run

    def wrapped(self, test):
        if os.environ.get("MAESTRO_REPORTING"):
            return run(self, test)
        make, path = self._makeResult, _begin("unittest") + ".jsonl"

        def make_result():
            result = make()
            try:
                _listen(result, path)
            except Exception:
                pass
            return result

        self._makeResult = make_result
        try:
            return run(self, test)
        finally:
            del self._makeResult
            os.environ.pop("MAESTRO_REPORTING", None)

    module.TextTestRunner.run = wrapped


def _listen(result, path):
    import json

    def tell(test, outcome):
        try:
            name = test.id()
            line = {"names": [name], "outcome": outcome}
            if name.startswith("unittest.loader._FailedTest."):
                line = {"file": name[len("unittest.loader._FailedTest.") :], "loaded": False}
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


_HOOKS = {"_pytest.config": _pytest, "unittest.runner": _unittest}


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
