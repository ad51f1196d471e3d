"""Code of the program that has a say in what tests find of it: values that equal anything, changed test libraries.

Told from text, as far as that goes. What merely returns the answer that a test wants cannot be told
from right code by any rule; these can.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from maestro.core.proving import blind_methods

#: Without one of these in a change nothing is looked at in it.
_HINTS = re.compile(
    r"__(?:eq|ne|contains|instancecheck)__|\bmock\b|approx|TestCase|unittest|pytest|builtins|_exit\b|assert|expect|asymmetric"
    r"|Object\.is|\.prototype\.|stringify|process\.on|def (?:==|!=|eql|equal)|Minitest|RSpec|Test::|at_exit|overload|\$\?"
    r"|Comparator|PHPUnit|shutdown|[eE]quals?\b|operator|func ==|fn eq|__eq\b|#\s*(?:define|undef)|constructor"
    r"|trap|\(\) *\{|alias|main::|node:test|chai|sinon"
)
_MOCKS = re.compile(
    r"from (?:unittest\.)?mock import[^\n]*\bANY\b|\bmock\.ANY\b|pytest\.approx\(|from pytest import[^\n]*\bapprox\b"
    r"|\bbuiltins\.(?!_\b)\w+\s*=[^=]|setattr\(\s*builtins\b|atexit\.register\([^\n]*\bexit\(|^os\._exit\(",
    re.MULTILINE,
)
_JS = re.compile(
    r"\basymmetricMatch\b|jest\.asymmetricMatcher|\bexpect\.extend\("
    r"|require\(\s*['\"](?:node:)?assert(?:/strict)?['\"]\s*\)\.\w+\s*=[^=]"
    r"|\b(?:Object\.is|JSON\.stringify|(?:Object|Number|String|Array|Map|Set)\.prototype\.(?:equals?|includes|every|some|has|valueOf))\s*=[^=]"
    r"|process\.on\(\s*['\"](?:uncaughtException|unhandledRejection|exit)['\"][^\n]*(?:\{\s*\}|exit\(0?\)|exitCode\s*=\s*0)"
)
_JVM = re.compile(
    r"\bboolean equals\s*\([^)]*\)\s*\{\s*return true\s*;"
    r"|\bfun equals\([^)]*\)(?:\s*:\s*Boolean)?\s*(?:=\s*true|\{\s*return true)"
    r"|\bdef equals\([^)]*\)[^=\n]*=\s*true\b|\bbool Equals\s*\([^)]*\)\s*(?:=>\s*true|\{\s*return true)"
    r"|\bbool(?:ean)? operator\s*==\s*\([^)]*\)\s*(?:=>\s*true|\{\s*return true)"
    r"|func ==\s*\([^)]*\)\s*->\s*Bool\s*\{\s*(?:return )?true\b"
)
_C = re.compile(
    r"^[ \t]*#[ \t]*(?:define|undef)[ \t]+(?:assert|main|strcmp|memcmp|(?:ASSERT|EXPECT)_(?:EQ|TRUE|STREQ)|TEST_ASSERT\w*)\b"
    r"|^[ \t]*#[ \t]*define[ \t]+NDEBUG\b|\bconstructor\b[^;]{0,120}\{[^}]{0,200}\b_?exit\s*\("
    r"|\bbool operator\s*==\s*\([^)]*\)\s*(?:const\s*)?(?:noexcept\s*)?\{\s*return true\s*;",
    re.MULTILINE,
)
_RUBY = re.compile(
    r"^\s*class (?:Integer|Float|Numeric|String|Symbol|Array|Hash|Object|BasicObject|NilClass)\b(?:(?!^end\b)[\s\S]){0,600}?"
    r"\bdef (?:==|!=|eql\?|equal\?|===|<=>)|\bdef (?:==|eql\?|equal\?|===)[ (]*\w*\)?\s*(?:=|;|\n)\s*(?:return )?true\b"
    r"|^\s*(?:module|class) (?:Minitest|RSpec|Test::Unit)\b"
    r"|\b(?:Minitest|RSpec|Test::Unit)[\w:]*\.(?:\w+_eval|define_method|prepend|send)\b"
    r"|at_exit\s*(?:\{|do)[^\n]*\bexit",
    re.MULTILINE,
)
_PERL = re.compile(
    r"\*\{?['\"]?(?:main|Test::\w+(?:::\w+)*)::\w+['\"]?\}?\s*="
    r"|use overload\b[^;]*?['\"]?(?:\beq|==|\bne|!=|<=>|\bcmp)['\"]?\s*=>\s*sub\s*\{"
    r"\s*(?:return )?[01]\b|\bEND\s*\{[^}]*\$\?\s*=\s*0"
)
_SHELL = re.compile(
    r"^\s*(?:function\s+)?(?:\[\[?|diff|cmp|grep|exit)\s*\(\)|^\s*(?:function\s+)?test\s*\(\)\s*\{\s*(?:true|:|return 0)\b"
    r"|^\s*alias (?:\[|test|diff|cmp|exit)=|^\s*trap\s+['\"][^'\"]*\bexit(?: 0)?['\"]\s+(?:EXIT|0|ERR)\b",
    re.MULTILINE,
)
_PHP = re.compile(
    r"SebastianBergmann\\\\?Comparator|PHPUnit\\\\?(?:Framework|Util|Runner)"
    r"|register_shutdown_function\([^\n]*exit\(0"
)
_BY_ENDING = {
    (".py", ".pyx"): _MOCKS,
    (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".jsx", ".tsx", ".vue", ".svelte"): _JS,
    (".java", ".kt", ".scala", ".groovy", ".cs", ".swift", ".dart"): _JVM,
    (".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".hh"): _C,
    (".rb",): _RUBY,
    (".pl", ".pm"): _PERL,
    (".sh", ".bash"): _SHELL,
    (".php",): _PHP,
    (".rs",): re.compile(r"\bfn eq\s*\([^)]*\)\s*->\s*bool\s*\{\s*(?:return )?true\s*;?\s*\}"),
    (".go",): re.compile(r"^func \([^)]*\) Equal\([^)]*\) bool \{\s*return true\s*\}", re.MULTILINE),
    (".lua",): re.compile(r"\b__eq\s*=\s*function\s*\([^)]*\)\s*return true\b"),
}
#: How a test library is taken in, and under which name.
_LIBRARY = re.compile(
    r"(?:const|let|var)\s+(?P<js>\w+)\s*=\s*require\(\s*['\"](?:node:)?(?:assert(?:/strict)?|test|chai|expect|jest|vitest|sinon)['\"]"
    r"|import\s+(?:\*\s+as\s+)?(?P<esm>\w+)\s+from\s+['\"](?:node:)?(?:assert(?:/strict)?|test|chai|expect|sinon)['\"]"
    r"|^\s*import (?:unittest|pytest|_pytest|nose)(?:\.\w+)* as (?P<py>\w+)|^\s*(?:import|from) (?P<plain>unittest|_?pytest)\b",
    re.MULTILINE,
)


def speaks(text: str) -> bool:
    """Whether a change holds anything that is worth a second look."""
    return _HINTS.search(text) is not None


def newly(path: str, before: str | None, after: str | None) -> bool:
    """Whether a file has a say in what tests find of it, in a way in which it had none before."""
    return bool(Counter(_found(path, after or "")) - Counter(_found(path, before or "")))


def _found(path: str, text: str) -> Iterator[str]:
    pattern = next((found for endings, found in _BY_ENDING.items() if path.endswith(endings)), None)
    if pattern is not None:
        yield from (" ".join(match[0].split()) for match in pattern.finditer(text))
    yield from _changed_libraries(text)
    if path.endswith((".py", ".pyx")):
        yield from blind_methods.found(text)


def _changed_libraries(text: str) -> Iterator[str]:
    names = {name for match in _LIBRARY.finditer(text) for name in match.groups() if name}
    if "unittest" in names or re.search(r"^\s*from unittest(?:\.\w+)* import\b[^\n]*\bTestCase\b", text, re.MULTILINE):
        names |= {"TestCase"}
    for name in sorted(names):
        change = (
            rf"(?<![\w.]){name}(?:\.\w+)+\s*=[^=]|(?:setattr|Object\.(?:assign|define\w+)|Reflect\.\w+)\(\s*{name}\b"
        )
        yield from (" ".join(match[0].split()) for match in re.finditer(change, text))
