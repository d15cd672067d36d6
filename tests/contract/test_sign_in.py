"""Who may be a fan: what can never be changed in a user pool, and what a real sale switches on."""

import re
from typing import Any

import pytest

from lab.in_process import template
from tests.deployed import deployed
from tools.ost.paths import ROOT

PROD = {"SignUp": "email", "FansCharge": "off", "UserPoolTier": "PLUS", "Firewall": "on"}


def pool(**parameters: str) -> dict[str, Any]:
    properties: dict[str, Any] = deployed(**parameters)["UserPool"]["Properties"]
    return properties


def test_fan_and_fan_in_capitals_are_one_and_an_address_can_be_a_name() -> None:
    """Neither can be changed once the pool is there."""
    for parameters in ({}, PROD):
        assert pool(**parameters)["UsernameConfiguration"] == {"CaseSensitive": False}
        assert pool(**parameters)["AliasAttributes"] == ["email"]


def test_address_is_confirmed_and_threats_are_judged_where_the_parameters_say_so() -> None:
    assert pool(**PROD)["AutoVerifiedAttributes"] == ["email"]
    assert pool(**PROD)["UserPoolAddOns"] == {"AdvancedSecurityMode": "ENFORCED"}
    assert not {"AutoVerifiedAttributes", "UserPoolAddOns"} & set(pool())
    sender = "arn:aws:ses:eu-west-1:123456789012:identity/example.com"
    assert pool(EmailSourceArn=sender)["EmailConfiguration"] == {
        "EmailSendingAccount": "DEVELOPER",
        "SourceArn": sender,
    }
    assert "EmailConfiguration" not in pool()
    assert pool()["AccountRecoverySetting"]["RecoveryMechanisms"] == [{"Name": "verified_email", "Priority": 1}]


def test_machine_has_credentials_of_its_own_and_the_one_scope_that_the_handler_asks_for() -> None:
    there = deployed(**PROD)
    server, client = there["PointsScope"]["Properties"], there["MachineClient"]["Properties"]
    [scope] = re.findall(r'^SCOPE = "(.+)"', (ROOT / "functions" / "charge_points" / "app.py").read_text("utf-8"), re.M)
    [body] = [each["Properties"]["Body"] for each in there.values() if each["Type"] == "AWS::ApiGatewayV2::Api"]
    [scheme] = body["components"]["securitySchemes"].values()
    audience = scheme["x-amazon-apigateway-authorizer"]["jwtConfiguration"]["audience"]

    assert client["AllowedOAuthScopes"] == [f"{server['Identifier']}/{server['Scopes'][0]['ScopeName']}"] == [scope]
    assert client["AllowedOAuthFlows"] == ["client_credentials"]
    assert client["GenerateSecret"] is True
    assert audience == [{"Ref": "UserPoolClient"}, {"Ref": "MachineClient"}]
    assert "MachineClient" not in deployed()


RATES = {
    "templates/edge.yaml": {"RateOfAnAddress", "RateOfASignIn", "RateOfJoining"},
    "templates/sign_in_firewall.yaml": {"RateOfAnAddress"},
}


@pytest.mark.parametrize(("path", "rates"), RATES.items())
def test_firewall_knows_bad_addresses_and_how_often_each_may_ask(path: str, rates: set[str]) -> None:
    rules = {rule["Name"]: rule for rule in template(path)["Resources"]["Firewall"]["Properties"]["Rules"]}
    managed = {
        rule["Statement"]["ManagedRuleGroupStatement"]["Name"]
        for rule in rules.values()
        if "ManagedRuleGroupStatement" in rule["Statement"]
    }

    assert managed >= {"AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet"}
    assert {name for name, rule in rules.items() if "RateBasedStatement" in rule["Statement"]} == rates
    assert sorted(rule["Priority"] for rule in rules.values()) == list(range(len(rules)))
    for name in rates:
        assert set(rules[name]["Action"]) == {"Block"}


def test_who_goes_too_fast_at_the_edge_is_told_so_as_the_contract_has_it() -> None:
    rules = template("templates/edge.yaml")["Resources"]["Firewall"]["Properties"]["Rules"]
    told = [rule["Action"]["Block"]["CustomResponse"] for rule in rules if "RateBasedStatement" in rule["Statement"]]

    assert all(each["ResponseCode"] == 429 for each in told)
    assert all(each["ResponseHeaders"][0]["Name"] == "Retry-After" for each in told)


def test_firewalls_are_on_where_they_are_asked_for() -> None:
    distribution = template("templates/edge.yaml")["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    before = template("templates/sign_in_firewall.yaml")["Resources"]["BeforeTheUserPool"]["Properties"]

    assert distribution["WebACLId"] == {"Fn::GetAtt": ["Firewall", "Arn"]}
    assert before["ResourceArn"] == {"Ref": "UserPoolArn"}
    assert deployed(**PROD)["SignInFirewall"]["Properties"]["Parameters"]["UserPoolArn"] == {
        "Fn::GetAtt": ["UserPool", "Arn"]
    }
    assert "SignInFirewall" not in deployed()
