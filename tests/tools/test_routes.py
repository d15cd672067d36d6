"""The local cloud's routes are made from what the processed template says, intrinsic functions resolved."""

from typing import Any

import pytest

from tools.ost.console import Failure
from tools.ost.routes import Template

TEMPLATE = Template(
    resources={},
    conditions={
        "OwnIssuer": {"Fn::Equals": [{"Ref": "JwtIssuer"}, ""]},
        "Foreign": {"Fn::Not": [{"Condition": "OwnIssuer"}]},
    },
    values={"JwtIssuer": "", "UserPool": "pool-1", "AWS::Region": "us-east-1"},
    arns={"ListSeatsFunction": "arn:aws:lambda:us-east-1:1:function:list-seats"},
)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"Ref": "UserPool"}, "pool-1"),
        ({"Fn::Sub": "https://${AWS::Region}/${UserPool}"}, "https://us-east-1/pool-1"),
        ({"uri": {"Fn::Sub": "x/${ListSeatsFunction.Arn}"}}, {"uri": f"x/{TEMPLATE.arns['ListSeatsFunction']}"}),
        ({"Fn::GetAtt": ["ListSeatsFunction", "Arn"]}, TEMPLATE.arns["ListSeatsFunction"]),
        ([{"Fn::If": ["OwnIssuer", {"Ref": "UserPool"}, "other"]}, 7], ["pool-1", 7]),
        ({"Fn::If": ["Foreign", "other", "own"]}, "own"),
        (["own", {"Fn::If": ["Foreign", "other", {"Ref": "AWS::NoValue"}]}], ["own"]),
    ],
)
def test_intrinsic_functions_are_resolved(node: Any, expected: Any) -> None:
    assert TEMPLATE.resolve(node) == expected


@pytest.mark.parametrize("node", [{"Fn::ImportValue": "x"}, {"Fn::GetAtt": ["UserPool", "Arn"]}])
def test_what_cannot_be_resolved_is_told_instead_of_guessed(node: Any) -> None:
    with pytest.raises(Failure, match="cannot resolve"):
        TEMPLATE.resolve(node)
