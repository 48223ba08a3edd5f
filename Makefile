# Needs Python 3.11 or newer, make and git. Each recipe is plain enough to be typed by hand.

PYTHON ?= python3
PORT ?= 8000
INPUTS ?= 20000
RUN = .venv/bin/python
# Training takes minutes there: the models' pages and the other rooms are left to a GPU.
ON_THE_STANDIN = docs/index.md docs/primer.md docs/introduction.md docs/attention docs/before-attention docs/reference README.md tests/layers tests/kernels tests/generation
NOT_ON_A_GPU = $(addprefix --ignore=tests/,browser site house chapters)

export NO_MKDOCS_2_WARNING = 1

.PHONY: help
help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

.PHONY: setup
setup: .venv/installed ## make .venv with the pinned versions, and bring KaTeX
	@$(RUN) -m tools.katex

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.version_info >= (3, 11) or sys.exit('This needs Python 3.11 or newer; $(PYTHON) is ' + sys.version.split()[0] + '. Try: make PYTHON=python3.12 $(MAKECMDGOALS)')"
	@echo "Installing the versions of constraints.txt into .venv: about 2 GB, a minute or more"
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install --disable-pip-version-check -c constraints.txt -e ".[site,test]"
	@touch $@

.PHONY: serve
serve: setup ## show the site while you write, on http://127.0.0.1:8000 (PORT=8001 for another)
	@! $(RUN) -c "import socket; socket.create_connection(('127.0.0.1', $(PORT)))" 2> /dev/null || { echo "Port $(PORT) is taken. Try: make serve PORT=$$(($(PORT) + 1))"; exit 1; }
	@echo "Building; the site will be on http://127.0.0.1:$(PORT)/ in a moment, and Ctrl-C stops it"
	@$(RUN) -m mkdocs serve --livereload --no-strict --dev-addr 127.0.0.1:$(PORT)

.PHONY: site
site: setup ## build the site into site/, every lab executed
	$(RUN) -m mkdocs build

.PHONY: test
test: setup ## everything that must hold: style, types, imports, every block and test, the site
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	.venv/bin/lint-imports --no-cache --no-logo
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist loadgroup --tally build/tally-cpu.json
	$(MAKE) test-standin
	$(RUN) -m mkdocs build

.PHONY: test-standin
test-standin: setup ## blocks, coding labs and layers on a device that stands in for a GPU
	ATTENTION_DEVICE=standin OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist loadgroup $(ON_THE_STANDIN)

.PHONY: test-gpu
test-gpu: .venv-gpu/installed ## blocks, labs and package tests on a GPU, with the torch of PYTHON
	ATTENTION_DEVICE=cuda .venv-gpu/bin/python -m pytest $(NOT_ON_A_GPU) --tally build/tally-cuda.json

# It finds the CUDA build of torch where PYTHON has it, and installs everything else.
.venv-gpu/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c "import torch" 2> /dev/null || { echo "$(PYTHON) has no torch. Name a Python that has a CUDA build of it: make test-gpu PYTHON=..."; exit 1; }
	@$(PYTHON) -c "import torch; torch.cuda.is_available() or exit('The torch of $(PYTHON) finds no GPU')"
	$(PYTHON) -m venv .venv-gpu
	$(PYTHON) -c "import site, pathlib, torch; print(pathlib.Path(torch.__file__).parents[1])" > $$(.venv-gpu/bin/python -c "import site; print(site.getsitepackages()[0])")/torch.pth
	grep -v '^torch==' constraints.txt > .venv-gpu/constraints.txt
	.venv-gpu/bin/python -m pip install --disable-pip-version-check -c .venv-gpu/constraints.txt -e ".[blocks]"
	@touch $@

.PHONY: fuzz
fuzz: setup ## give the command 20,000 strange inputs (INPUTS=1000 for fewer); about half an hour
	OMP_NUM_THREADS=1 $(RUN) -m tests.fuzz --inputs $(INPUTS)

.PHONY: figures
figures: setup ## draw the figures of images/ again
	$(RUN) -m images

.PHONY: sync
sync: setup ## bring code, outputs and API pages up to date
	$(RUN) -m tools.sync

.PHONY: clean
clean: ## remove all that make has made
	rm -rf .venv .venv-gpu .cache build site .mypy_cache .pytest_cache .ruff_cache
