"""Rust, Go, Java and C: what a machine has of them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from tests.ecosystems.chain import Chain

_RUST = "pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n"
_RUST_TESTS = """\
use calc::add;

#[test]
fn adds() {
    assert_eq!(add(2, 3), 5);
}

#[test]
fn known_failure() {
    assert_eq!(add(2, 2), 5);
}
"""

_GO = "package calc\n\nfunc Add(a, b int) int { return a + b }\n"
_GO_TESTS = """\
package calc

import "testing"

func TestAdds(t *testing.T) {
	if Add(2, 3) != 5 {
		t.Fatal("no")
	}
}

func TestKnownFailure(t *testing.T) {
	if Add(2, 2) != 5 {
		t.Fatal("no")
	}
}
"""

_C_TESTS = """\
#include <string.h>
#include "calc.h"

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "known") == 0) return add(2, 2) != 5;
    return add(2, 3) != 5;
}
"""
_CMAKE = """\
cmake_minimum_required(VERSION 3.20)
project(calc C)
enable_testing()
add_library(calc calc.c)
add_executable(calc_test tests/calc_test.c)
target_include_directories(calc_test PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(calc_test calc)
add_test(NAME adds COMMAND calc_test)
add_test(NAME known_failure COMMAND calc_test known)
"""
_CMAKE_NEW = """\
add_executable(double_test tests/double_test.c)
target_include_directories(double_test PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(double_test calc)
add_test(NAME doubles COMMAND double_test)
"""

_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>calc</artifactId>
  <version>1.0</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency>
      <groupId>org.junit.jupiter</groupId><artifactId>junit-jupiter</artifactId><version>5.10.2</version>
      <scope>test</scope>
    </dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin><artifactId>maven-resources-plugin</artifactId><version>3.3.1</version></plugin>
      <plugin><artifactId>maven-compiler-plugin</artifactId><version>3.13.0</version></plugin>
      <plugin><artifactId>maven-surefire-plugin</artifactId><version>3.2.5</version></plugin>
    </plugins>
  </build>
</project>
"""


def _java(name: str, *methods: str) -> str:
    tests = "\n".join(f"    @Test void {method}" for method in methods)
    return (
        "package org.example;\n\nimport static org.junit.jupiter.api.Assertions.assertEquals;\n"
        "import org.junit.jupiter.api.Test;\n\n"
        f"public class {name} {{\n{tests}\n}}\n"
    )


_JAVA = "package org.example;\n\npublic class Calc {{\n    public static int add(int a, int b) {{ return {}; }}\n{}}}\n"
#: Where everything has been downloaded before, nothing is asked for: a machine may have no way to Maven's repository.
_DOWNLOADED = Path(
    pwd.getpwuid(os.getuid()).pw_dir, ".m2/repository/org/apache/maven/plugins/maven-surefire-plugin/3.2.5"
)
_OFFLINE = {".mvn/maven.config": "--offline\n"} if _DOWNLOADED.is_dir() else {}
_MAIN, _TEST = "src/main/java/org/example", "src/test/java/org/example"

CHAINS = (
    Chain(
        "cargo",
        ("cargo",),
        {
            "Cargo.toml": '[package]\nname = "calc"\nversion = "0.1.0"\nedition = "2021"\n',
            "Cargo.lock": 'version = 3\n\n[[package]]\nname = "calc"\nversion = "0.1.0"\n',
            "src/lib.rs": _RUST,
            "tests/calc.rs": _RUST_TESTS,
            ".gitignore": "target/\n",
        },
        honest={
            "src/lib.rs": f"{_RUST}\npub fn double(a: i32) -> i32 {{\n    add(a, a)\n}}\n",
            "tests/double.rs": "#[test]\nfn doubles() {\n    assert_eq!(calc::double(4), 8);\n}\n",
        },
        broken={"src/lib.rs": _RUST.replace("a + b", "a - b")},
        tests="tests/calc.rs",
        names=("adds", "known_failure"),
    ),
    Chain(
        "go",
        ("go",),
        {"go.mod": "module example.org/calc\n\ngo 1.18\n", "calc.go": _GO, "calc_test.go": _GO_TESTS},
        honest={
            "double.go": "package calc\n\nfunc Double(a int) int { return Add(a, a) }\n",
            "double_test.go": 'package calc\n\nimport "testing"\n\nfunc TestDoubles(t *testing.T) {\n'
            '\tif Double(4) != 8 {\n\t\tt.Fatal("no")\n\t}\n}\n',
        },
        broken={"calc.go": _GO.replace("a + b", "a - b")},
        tests="calc_test.go",
        names=("TestAdds", "TestKnownFailure"),
    ),
    Chain(
        "cmake, ctest",
        ("cmake", "cc"),
        {
            "CMakeLists.txt": _CMAKE,
            "calc.h": "int add(int a, int b);\nint twice(int a);\n",
            "calc.c": '#include "calc.h"\n\nint add(int a, int b) { return a + b; }\n',
            "tests/calc_test.c": _C_TESTS,
            ".gitignore": "build/\n",
        },
        honest={
            "calc.c": '#include "calc.h"\n\nint add(int a, int b) { return a + b; }\nint twice(int a) { return add(a, a); }\n',
            "CMakeLists.txt": _CMAKE + _CMAKE_NEW,
            "tests/double_test.c": '#include "calc.h"\n\nint main(void) { return twice(4) != 8; }\n',
        },
        broken={"calc.c": '#include "calc.h"\n\nint add(int a, int b) { return a - b; }\n'},
        tests="tests/calc_test.c",
        names=("adds", "known_failure"),
    ),
    Chain(
        "maven, surefire",
        ("mvn", "java"),
        {
            "pom.xml": _POM,
            **_OFFLINE,
            f"{_MAIN}/Calc.java": _JAVA.format("a + b", ""),
            f"{_TEST}/CalcTest.java": _java(
                "CalcTest",
                "adds() { assertEquals(5, Calc.add(2, 3)); }",
                "knownFailure() { assertEquals(5, Calc.add(2, 2)); }",
            ),
            ".gitignore": "target/\n",
        },
        honest={
            f"{_MAIN}/Calc.java": _JAVA.format("a + b", "    public static int twice(int a) { return add(a, a); }\n"),
            f"{_TEST}/TwiceTest.java": _java("TwiceTest", "doubles() { assertEquals(8, Calc.twice(4)); }"),
        },
        broken={f"{_MAIN}/Calc.java": _JAVA.format("a - b", "")},
        tests=f"{_TEST}/CalcTest.java",
        names=("adds", "knownFailure"),
        installs=True,
    ),
)
