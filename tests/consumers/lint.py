"""The files of the tree by themselves, given to linters. Each consumer has a check and a fault that it must refuse."""

from kolla import VENV, settings
from tools import HERE, run


def yaml_files(tree):
    return sorted(str(path) for path in tree.kolla.rglob("*.yml"))


def yamllint(tree):
    # As kolla-ansible's own: lines may be long. Truth values have one spelling.
    rules = "{line-length: disable, comments: {min-spaces-from-content: 1}, truthy: {level: error}}"
    rules = f"{{extends: default, rules: {rules}}}"
    run([VENV / "bin/yamllint", "--strict", "--format", "parsable", "-d", rules, *yaml_files(tree)]).accepted()


def yamllint_fault(tree):
    yamllint(tree.with_fault("globals.yml", r"\Z", "enable_horizon: yes\n"))


def ansible_lint(tree):
    argv = [VENV / "bin/ansible-lint", "--offline", "--strict", "--profile", "production", "--nocolor", "-q"]
    argv += ["-c", HERE / "ansible-lint.yaml", *yaml_files(tree)]
    # Names and secrets are kolla-ansible's to give; whether they are right, genconfig says.
    run(argv, env=settings(), apart="", cwd=tree.kolla).accepted()


def ansible_lint_fault(tree):
    ansible_lint(tree.with_fault("globals.yml", r"\Z", "enable-horizon: true\n"))
