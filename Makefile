# Two commands for a newcomer: make demo, make test. Neither needs root or a prepared machine.

PYTHON ?= python3
# A minimal system may lack even Python: say what to type, not "not found".
python_is_here = @command -v $(PYTHON) >/dev/null || { \
	echo "Lamplight needs Python 3.11 or newer: sudo apt-get install -y python3 python3-venv"; exit 1; }
lock = .venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --quiet \
	--generate-hashes --no-emit-index-url --no-annotate --no-header $(UPGRADE)

.PHONY: help demo test bench lock

help:
	@echo "make demo    run the hub in a simulated home, with its own broker and platform"
	@echo "make test    check everything"
	@echo "make bench   measure the promised figures"
	@echo "make lock    resolve the dependencies again (UPGRADE=--upgrade takes newer versions)"

demo:
	$(python_is_here)
	@$(PYTHON) tools/bootstrap.py run
	@.venv/bin/lamplight demo

test:
	$(python_is_here)
	@$(PYTHON) tools/bootstrap.py test
	@.venv/bin/python -m tools.run_tests

bench:
	$(python_is_here)
	@$(PYTHON) tools/bootstrap.py test
	@.venv/bin/python -m bench

# Two locks, so that a demo on a small board fetches no test tools; versions agree by --constraint.
lock:
	$(lock) --group demo --group build --output-file requirements.lock
	$(lock) --group demo --group build --group dev --constraint requirements.lock \
		--output-file requirements-dev.lock
