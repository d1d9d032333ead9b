# The habits of the house: `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What comes beside what: tests/conftest.py.
PYTEST := $(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
DEMO ?= demo
# Words for people: $(call say,English,Spanish).
SPANISH := $(filter es%,$(or $(LOCALCLOUD_LANG),$(LC_ALL),$(LC_MESSAGES),$(LANG)))
say = $(if $(SPANISH),$(2),$(1))

# What practice machines need on this computer, and git for the tests.
PACKAGES := git openssh-client podman runc crun mmdebstrap uidmap fuse-overlayfs slirp4netns \
  containernetworking-plugins iptables python3-venv zstd qemu-system-x86 qemu-utils e2fsprogs
BROWSER := chromium chromium-driver

.PHONY: help
help: ## Show this list ## Muestra esta lista
	@grep -hE '^[a-z-]+:.* ## ' $(MAKEFILE_LIST) | sort | awk -F ' ## ' -v words=$(call say,2,3) \
	  '{sub(":.*", "", $$1); printf "  %-12s %s\n", $$1, $$words}'

.PHONY: packages
packages:
	@missing=(); for name in $(PACKAGES); do \
	  dpkg-query -W -f '$${Status}' "$$name" 2>/dev/null | grep -q 'install ok installed' \
	  || missing+=("$$name"); done; \
	if [ "$${#missing[@]}" -gt 0 ]; then echo "$(call say,Installing,Se instala): $${missing[*]}"; \
	  $(SUDO) apt-get update -q; \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$${missing[@]}"; fi

.PHONY: browser-packages
browser-packages:
	@$(MAKE) -s packages PACKAGES="$(BROWSER)"

$(VENV)/.kit: pyproject.toml
	@echo "$(call say,Preparing localcloud in $(VENV),Se prepara localcloud en $(VENV)) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.kit
	@echo "$(call say,Adding what tests and checks need,Se agrega lo que piden las pruebas) …"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[test,dev]'
	@touch $@

localcloud/locale/es/LC_MESSAGES/localcloud.mo: localcloud/locale/es/LC_MESSAGES/localcloud.po $(VENV)/.dev
	$(BIN)/python build_catalogues.py

.PHONY: setup
setup: packages $(VENV)/.dev localcloud/locale/es/LC_MESSAGES/localcloud.mo ## Make this checkout ready to work in ## Prepara esta copia para trabajar en ella

.PHONY: demo
demo: packages $(VENV)/.kit ## A practice machine with a JupyterHub on it, proved by a student's journey ## Una máquina de práctica con un JupyterHub, probado con el recorrido de un estudiante
	@$(BIN)/localcloud lab up $(DEMO) --quiet
	@$(BIN)/localcloud install -i $(DEMO) --show-password
	@echo "$(call say,To remove it,Para quitarla): make demo-down"

.PHONY: demo-down
demo-down: $(VENV)/.kit ## Remove the practice machine of `make demo` ## Quita la máquina de práctica de `make demo`
	@$(BIN)/localcloud lab down $(DEMO) --yes

.PHONY: lint
lint: $(VENV)/.dev ## Read the code: ruff, mypy, ansible-lint ## Revisa el código: ruff, mypy, ansible-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/ansible-lint --offline -q

.PHONY: format
format: $(VENV)/.dev ## Bring the code into the house's form ## Da al código la forma de este proyecto
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: unit
unit: setup ## The quick tests only ## Solo las pruebas rápidas
	$(PYTEST) -q tests/unit tests/repository

.PHONY: test
test: setup lint ## What continuous integration runs ## Lo que corre la integración continua
	$(PYTEST) -m 'not slow'

.PHONY: test-all
test-all: setup browser-packages lint ## Everything, the slow ones too ## Todo, también las pruebas lentas
	$(PYTEST)

.PHONY: lock
lock: $(VENV)/.dev ## Renew the pinned versions of what the roles install ## Renueva las versiones fijadas de lo que instalan los roles
	cd roles && for name in jupyterhub/files/uv jupyterhub/files/hub jupyterhub/files/user \
	  jupyterhub/files/build tljh/files/hub; do \
	  UV_CUSTOM_COMPILE_COMMAND="make lock" $(CURDIR)/$(BIN)/uv pip compile -q --upgrade --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url $$name.in -o $$name.txt; done
	cd roles/jupyterhub/files/proxy && npm install --package-lock-only --omit-lockfile-registry-resolved \
	  --ignore-scripts --no-audit --no-fund

.PHONY: messages
messages: $(VENV)/.dev ## Collect what people read into the Spanish catalogue ## Reúne en el catálogo español lo que leen las personas
	$(BIN)/python build_catalogues.py --update

.PHONY: clean
clean: ## Remove what was built; practice machines stay (localcloud lab down) ## Quita lo construido; las máquinas de práctica quedan (localcloud lab down)
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .ansible
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find localcloud/locale -name '*.mo' -delete
