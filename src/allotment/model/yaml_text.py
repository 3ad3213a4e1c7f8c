"""YAML files of the user's own: the configuration, a kubeconfig."""

from __future__ import annotations

from typing import Any, Final

import yaml


class _Loader(yaml.SafeLoader):
    """A safe loader that says where a value stands that is no number and no date, though it looks like one."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 (PyYAML's signature)
        """The value of a node."""
        try:
            return super().construct_object(node, deep=deep)
        except ValueError as error:
            long = isinstance(node, yaml.ScalarNode) and len(node.value) > _LONGEST
            what = f"a number of {len(node.value):,} digits" if long else str(error)
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from None


_LONGEST: Final = 40


def read_yaml(text: str | bytes) -> Any:
    """What a YAML text says.

    Raises:
        yaml.YAMLError: it is no YAML, is nested too deeply, or has a value that cannot be, whose place is named.
        UnicodeDecodeError: it is no UTF-8.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader)
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
