"""The tools that may run unasked, see ``tool_table``: Rust's, Go's, the JVM's and .NET's."""

from __future__ import annotations

from maestro.agents.tool_options import NOT_A_TASK, Tool, tool

_CARGO = (
    "--all --workspace --all-targets --all-features --no-default-features --lib --bins --examples --tests --benches"
    " --doc --release --quiet --verbose --locked --offline --frozen --keep-going --ignore-rust-version --color:word"
    " --features:text -F:text --package:text -p:text --exclude:text --test:word --bin:word --example:word"
    " --bench:word --profile:word --message-format:word --jobs:num -j:num --target-dir:path --manifest-path:file"
)
_CARGO_PLAIN = r"-[qvr]{1,3}|-j\d+"
#: What libtest is told: everything but what runs tests that are ignored for a reason.
_LIBTEST = (
    r"--nocapture|--no-capture|--show-output|--exact|--list|--quiet|-q|--color|always|never|--test-threads(=\d+)?"
    r"|\d+|--skip|[\w:]+"
)
_CARGO_BUILD = tool(_CARGO, _CARGO_PLAIN, operands="none")
#: What a program of the repository's own may be told: plain words and places in the worktree, none that leaves it.
_RUN = tool(
    _CARGO,
    _CARGO_PLAIN,
    operands=rf"{NOT_A_TASK}[\w.\-/,]+",
    rest=rf"{NOT_A_TASK}(?:--?[\w\-]+(?:=[\w\-,]+)?|[\w.][\w.\-/,]*)",
    may_serve=True,
)
_GO = (
    "-v -x -a -race -msan -asan -cover -json -mod=readonly -mod=vendor -trimpath -buildvcs=false -p:num"
    " -covermode:word -coverpkg:text"
)
_GO_PACKAGES = r"\.|\./[\w./\-]*|[\w\-]+\.go|[\w\-]+/[\w./\-]*\.go"
_GO_TEST = tool(
    _GO + " -short -failfast -benchmem -benchtime:text -fullpath -run:text -skip:text -bench:text -list:text"
    " -count:num -cpu:word -parallel:num -timeout:text -shuffle:word -coverprofile:path -fuzztime:text"
    " -vet=off -vet=all -test.v",
    operands=_GO_PACKAGES,
    by_path=True,
)
_MAVEN_TASKS = (
    r"clean|validate|compile|test-compile|process-classes|process-test-classes|test|package|verify|integration-test"
    r"|checkstyle:check|spotless:(check|apply)|formatter:(format|validate)|fmt:(format|check)|javadoc:javadoc"
    r"|spotbugs:check|pmd:check|surefire:test|dependency:tree"
)
_MAVEN = tool(
    "-q -B -e -ntp -o -am -amd -fae -ff -fn -nsu -V --batch-mode --quiet --offline --no-transfer-progress"
    " --errors --also-make --fail-at-end --fail-fast -pl:names --projects:names -Dtest:text -Dit.test:text"
    " -DskipTests -DskipTests=true -Dmaven.test.skip=true -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false"
    " -Dsurefire.useFile=false -Dstyle.color=never -DtrimStackTrace=false -T:num -Dcheckstyle.skip -Drat.skip"
    " -Dstyle.color:word -Dspotless.check.skip=true",
    r"-T\d+C?",
    operands=_MAVEN_TASKS,
)
_GRADLE_TASKS = (
    r"(:?[\w\-]+:)*(clean|test|check|build|assemble|classes|testClasses|jar|lint\w*|detekt|javadoc"
    r"|(unit|integration)Test|compile\w*|ktlint\w*|spotless(Check|Apply)|checkstyle\w*|spotbugs\w*|pmd\w*"
    r"|test\w*UnitTest|tasks|dependencies|projects|properties|cleanTest)"
)
_GRADLE = tool(
    "--offline --no-daemon --daemon --quiet --info --stacktrace --continue --rerun-tasks --parallel --no-parallel"
    " --build-cache --no-build-cache --console:word --warning-mode:word --tests:text -q -i -s -S --max-workers:num"
    " --configuration-cache --no-configuration-cache --rerun -x:word --exclude-task:word --fail-fast -p:path"
    " --project-dir:path",
    operands=_GRADLE_TASKS,
)
_DOTNET = (
    "--no-build --no-restore --nologo --no-incremental --configuration:word -c:word --verbosity:word -v:word"
    " --framework:text -f:text"
)

COMPILED: dict[str, Tool] = {
    # Rust
    "cargo build": _CARGO_BUILD,
    "cargo check": _CARGO_BUILD,
    "cargo b": _CARGO_BUILD,
    "cargo c": _CARGO_BUILD,
    "cargo doc": tool(_CARGO + " --no-deps --document-private-items", _CARGO_PLAIN, operands="none"),
    "cargo test": tool(_CARGO + " --no-run --no-fail-fast", _CARGO_PLAIN, operands=r"[\w:]+", rest=_LIBTEST),
    "cargo t": tool(_CARGO + " --no-run --no-fail-fast", _CARGO_PLAIN, operands=r"[\w:]+", rest=_LIBTEST),
    "cargo llvm-cov": tool(
        _CARGO + " --html --lcov --json --summary-only --output-path:path --no-report", _CARGO_PLAIN, operands="none"
    ),
    "cargo nextest": tool(
        _CARGO + " --no-run --no-fail-fast -E:text --retries:num --no-capture --fail-fast",
        _CARGO_PLAIN,
        operands=r"[\w:]+",
    ),
    "cargo bench": tool(_CARGO + " --no-run --no-fail-fast", _CARGO_PLAIN, operands=r"[\w:]+"),
    "cargo clippy": tool(
        _CARGO + " --fix --allow-dirty --allow-staged --no-deps",
        _CARGO_PLAIN,
        operands="none",
        rest=r"-[DWAF]|[\w:][\w:\-]*|-[DWAF][\w:][\w:\-]*",
    ),
    "cargo run": _RUN,
    "cargo r": _RUN,
    "cargo fix": tool(
        _CARGO + " --allow-dirty --allow-staged --edition --edition-idioms", _CARGO_PLAIN, operands="none"
    ),
    "cargo fmt": tool(
        "--all --check --quiet --verbose -p:word --package:word --manifest-path:file -q -v",
        operands="none",
        rest=r"--check|--edition(=\d+)?|\d+|-l|--files-with-diff",
    ),
    "cargo tree": tool(_CARGO + " -i:word -d --depth:num -e:word", _CARGO_PLAIN, operands=r"[\w\-]+"),
    "cargo metadata": tool(_CARGO + " --no-deps --format-version:num", operands="none"),
    "cargo insta": tool("--accept --check --unreferenced:word", operands="test|accept"),
    "rustfmt": tool("--check --edition:num --emit=stdout -l -q -v", writes=True),
    # Go
    "go test": _GO_TEST,
    "go run": tool(_GO, operands=_GO_PACKAGES, may_serve=True),
    "go vet": tool(_GO, operands=_GO_PACKAGES),
    "go build": tool(_GO + " -o:path", operands=_GO_PACKAGES),
    "go fmt": tool("-n -x", operands=_GO_PACKAGES),
    "go list": tool("-m -json -f:text -deps -test -e", operands=rf"{_GO_PACKAGES}|all"),
    "go version": tool(operands="none"),
    "go env": tool("-json", operands=r"[A-Z0-9_]+"),
    "go doc": tool("-all -u -src -short", operands=r"[\w./\-]+"),
    "go mod": tool("-json", operands="verify|graph"),
    "gofmt": tool("-w -l -d -s -e", writes=True),
    "gofumpt": tool("-w -l -d -e -extra", writes=True),
    "goimports": tool("-w -l -d -e -local:text", writes=True),
    "golangci-lint run": tool(
        "--fix --fast --timeout:text -v --new --new-from-rev:text -E:word -D:word --enable:word"
        " --disable:word --config:file -c:file --concurrency:num -j:num",
        operands=_GO_PACKAGES,
    ),
    "golangci-lint fmt": tool("--diff", operands=_GO_PACKAGES),
    "staticcheck": tool("-f:word -checks:text -tests:word", operands=_GO_PACKAGES),
    "gotestsum": tool(
        "--format:word -f:word --junitfile:path",
        operands=_GO_PACKAGES,
        by_path=True,
        rest=rf"{_GO_PACKAGES}|-v|-race|-short|-count=\d+|-run|[\w^$/|]+",
    ),
    # JVM and .NET
    "mvn": _MAVEN,
    "mvnw": _MAVEN,
    "gradle": _GRADLE,
    "gradlew": _GRADLE,
    "sbt": tool(
        "--batch -batch --error", operands=r"test|compile|scalafmt\w*|Test/compile|testQuick|\"?testOnly [\w.*]+\"?"
    ),
    "mill": tool("-i --no-server", operands=r"[\w.]+\.(test|compile)|__\.(test|compile)"),
    "lein test": tool(operands=r"[\w.\-]+"),
    "dotnet test": tool(
        _DOTNET + " --filter:text --logger:word -l:word --list-tests -t --blame --collect:word"
        " --results-directory:path",
        by_path=True,
    ),
    "dotnet build": tool(_DOTNET + " --output:path -o:path"),
    "dotnet format": tool(
        "--verify-no-changes --no-restore --include:text --exclude:text --severity:word --verbosity:word", writes=True
    ),
}
