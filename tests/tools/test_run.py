"""What `make run` says before it starts anything."""

import socket

import pytest

from tools.ost.cloud import free_port, port_is_free
from tools.ost.console import Failure
from tools.ost.run import parse_parameters


def test_parameters_are_names_and_values() -> None:
    assert parse_parameters(" QueueCapacity=5  HoldSeconds=8 ") == {"QueueCapacity": "5", "HoldSeconds": "8"}
    assert parse_parameters("") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [("QueueCapacity", "is a list of Name=value"), ("Capacity=5", r"no parameter 'Capacity'; it has .*QueueCapacity")],
)
def test_a_parameter_that_cannot_be_meant_is_told(text: str, told: str) -> None:
    with pytest.raises(Failure, match=told):
        parse_parameters(text)


def test_a_port_in_use_is_seen() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        assert not port_is_free(listener.getsockname()[1])
    assert port_is_free(free_port())
