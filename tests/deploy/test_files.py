"""What Procfile, docker-compose.yml and Dockerfile name exists, and they agree with each other."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CONTAINER_ONLY = {"POSTGRES_PASSWORD"}
READ_BY_GUNICORN = {"PORT", "WEB_CONCURRENCY"}


def procfile() -> dict[str, str]:
    return dict(re.findall(r"^(\w+): (.+)$", (ROOT / "Procfile").read_text(), flags=re.M))


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())  # type: ignore[no-any-return]


def services() -> dict[str, dict[str, Any]]:
    return compose()["services"]  # type: ignore[no-any-return]


def dockerfile() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile with their arguments, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in text.splitlines() if line.strip()]


def stages() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage, those of the stages it is built from first."""
    found: dict[str, list[tuple[str, str]]] = {}
    current: list[tuple[str, str]] = []
    for instruction, arguments in dockerfile():
        if instruction == "FROM":
            origin, name = arguments.split(" AS ")
            current = found[name] = list(found.get(origin, []))
        current.append((instruction, arguments))
    return found


def example() -> dict[str, str]:
    """The variables of .env.example with the comment above each."""
    text = (ROOT / ".env.example").read_text()
    return {name: comment for comment, name in re.findall(r"^# (.+)\n#([A-Z_]+)=", text, flags=re.M)}


def test_procfile_has_the_four_processes() -> None:
    assert list(procfile()) == ["web", "worker", "gpu", "beat"]


@pytest.mark.parametrize("name", ["web", "worker", "gpu", "beat"])
def test_procfile_commands_name_programs_and_modules_that_exist(name: str) -> None:
    words = shlex.split(procfile()[name])
    assert (BIN / words[0]).is_file()
    modules = [word for word in words[1:] if re.fullmatch(r"(config|worker)\.\w+", word)]
    assert modules
    for module in modules:
        assert importlib.util.find_spec(module), module


@pytest.mark.parametrize("name", ["web", "worker", "gpu", "beat"])
def test_compose_runs_the_commands_of_the_procfile(name: str) -> None:
    assert services()[name]["command"] == procfile()[name]


@pytest.mark.parametrize(("stage", "process"), [("app", "web"), ("gpu", "gpu")])
def test_images_run_a_command_of_the_procfile_by_default(stage: str, process: str) -> None:
    (command,) = (arguments for instruction, arguments in stages()[stage] if instruction == "CMD")
    assert yaml.safe_load(command) == shlex.split(procfile()[process])


def test_compose_has_every_part_and_each_shows_its_health() -> None:
    assert set(services()) == {"db", "redis", "migrate", "web", "worker", "gpu", "beat"}
    assert {name for name, service in services().items() if "healthcheck" not in service} == {"migrate"}


def test_compose_reserves_a_gpu_only_in_its_profile() -> None:
    assert {name: service["profiles"] for name, service in services().items() if "profiles" in service} == {
        "gpu": ["gpu"]
    }
    (device,) = services()["gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


def test_compose_waits_for_what_it_needs() -> None:
    health = {"condition": "service_healthy"}
    migrated = {"condition": "service_completed_successfully"}
    assert services()["migrate"]["depends_on"] == {"db": health}
    for name in ("web", "worker", "gpu", "beat"):
        assert services()[name]["depends_on"] == {"db": health, "redis": health, "migrate": migrated}


def test_compose_builds_stages_and_mounts_volumes_that_exist() -> None:
    volumes = set()
    for service in services().values():
        if "build" in service:
            assert service["build"]["context"] == "."
            assert service["build"]["target"] in stages()
        volumes |= {mount.partition(":")[0] for mount in service.get("volumes", [])}
    assert volumes == set(compose()["volumes"])


def test_compose_sets_variables_that_are_read_and_takes_variables_that_are_documented() -> None:
    read = settings_variables() | READ_BY_GUNICORN
    for name in ("migrate", "web", "worker", "gpu", "beat"):
        assert set(services()[name]["environment"]) <= read, name
    taken = set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert taken <= set(example())


def test_compose_passes_every_setting_on_but_those_that_the_image_fixes() -> None:
    fixed = {"DEBUG", "WINNOW_DATA_DIR"}
    assert settings_variables() - set(services()["web"]["environment"]) == fixed


def settings_variables() -> set[str]:
    return set(re.findall(r"\benv(?:\.\w+)?\(\s*\"([A-Z_]+)\"", (ROOT / "config/settings.py").read_text()))


def test_env_example_explains_every_variable_and_no_other() -> None:
    assert set(example()) == settings_variables() | READ_BY_GUNICORN | CONTAINER_ONLY
    for name, comment in example().items():
        assert len(comment) > 30, name
        assert comment.endswith("."), name


def test_operations_manual_lists_every_variable() -> None:
    manual = (ROOT / "docs/operations.md").read_text()
    assert set(re.findall(r"^\| `([A-Z_]+)`", manual, flags=re.M)) == set(example())


def test_images_copy_paths_that_exist_and_are_sent() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in ignore if line.startswith("!")}
    for path in sent:
        assert (ROOT / path).exists(), path
    for instruction, arguments in dockerfile():
        if instruction == "COPY" and not arguments.startswith("--from"):
            *sources, _ = arguments.split()
            assert set(sources) - {"."} <= sent, arguments


def test_images_get_every_package_that_setuptools_installs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {pattern.removesuffix("*") for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert packages <= sent
    (made,) = (arguments for _, arguments in stages()["build"] if "mkdir" in arguments)
    assert set(made.partition("&&")[0].split()[1:]) == packages


def test_images_install_by_constraints_and_only_the_gpu_one_has_the_judge() -> None:
    installs = {
        name: [arguments for instruction, arguments in stage if instruction == "RUN" and "pip install" in arguments]
        for name, stage in stages().items()
    }
    assert all("--constraint constraints.txt" in command for stage in installs.values() for command in stage)
    assert not any("[" in command for command in installs["build"])
    assert ".[judge]" in installs["build-gpu"][-1]
    assert ("COPY", "--from=build /opt/venv /opt/venv") in stages()["app"]
    assert ("COPY", "--from=build-gpu /opt/venv /opt/venv") in stages()["gpu"]


def test_image_collects_static_files_with_a_command_that_runs() -> None:
    (command,) = (arguments for _, arguments in stages()["app"] if "collectstatic" in arguments)
    environment = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", f"{command} --dry-run"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    # Some may be there already, from a site that ran in this checkout.
    assert sum(map(int, re.findall(r"(\d+) (?:static files? copied|unmodified)", done.stdout))) > 100


@pytest.mark.parametrize("stage", ["app", "gpu"])
def test_images_end_as_a_user_of_their_own(stage: str) -> None:
    users = [arguments for instruction, arguments in stages()[stage] if instruction == "USER"]
    assert users[-1:] == ["winnow"]
    assert any("useradd" in arguments and "winnow" in arguments for _, arguments in stages()["base"])


def test_pre_commit_fetches_nothing_and_runs_tools_that_exist() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    for hook in config["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        program = Path(hook["entry"].split()[0])
        assert program.parent == Path(".venv/bin")
        assert (BIN / program.name).is_file()


def test_license_is_the_apache_license_in_full() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert len(text) == 11358  # the size of apache.org/licenses/LICENSE-2.0.txt
