# make run    set up .venv and start Maestro; ARGS="--port 9000" are passed on
# make test   set up .venv with what the tests need, then everything that CI runs
# make test-ecosystems  real tool chains (uv, poetry, npm, pnpm, cargo, go, maven, ...); takes a while, writes docs/ECOSYSTEMS.md
# make lint   its quick half: lint, format, import contracts, types
# make format rewrite the code as `make lint` wants it
# make lock   resolve pyproject.toml anew into the lock files; ARGS=--upgrade takes the newest of everything
# make bench  time from start to first answer, against a bare NiceGUI page

.PHONY: run test test-ecosystems lint format lock bench clean
VENV ?= .venv
export PYTHON VENV

run:
	@./scripts/setup.sh run
	@$(VENV)/bin/python app.py $(ARGS)

test:
	@./scripts/setup.sh dev
	@./scripts/check.sh

test-ecosystems:
	@./scripts/setup.sh dev
	@./scripts/ecosystems.sh $(ARGS)

lint:
	@./scripts/setup.sh dev
	@./scripts/check.sh lint

format:
	@./scripts/setup.sh dev
	@$(VENV)/bin/ruff check --fix --quiet . ; $(VENV)/bin/ruff format .

lock:
	@test -x $(VENV)/bin/uv || ./scripts/setup.sh dev || test -x $(VENV)/bin/uv
	@./scripts/lock.sh $(ARGS)

bench:
	@./scripts/setup.sh run
	@$(VENV)/bin/python benchmarks/startup.py $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis test-output
