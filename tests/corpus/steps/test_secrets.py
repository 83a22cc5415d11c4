"""Secrets are found by the forms that services publish; what looks like one in documentation is none."""

from __future__ import annotations

import random
import string

import pytest

from hornbook.corpus.steps.pii import find
from hornbook.corpus.steps.secrets import secrets

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def some(count: int, among: str = LETTERS) -> str:
    """Return signs that look drawn by chance; made here, so that no key stands in this file."""
    return "".join(random.Random(count).choices(among, k=count))


KEYS = {
    "Amazon": f"AKIA{some(16, string.ascii_uppercase + string.digits)}",
    "Amazon, for a while": f"ASIA{some(16, string.ascii_uppercase + string.digits)}",
    "GitHub": f"ghp_{some(36)}",
    "GitHub, server": f"ghs_{some(36)}",
    "GitHub, fine": f"github_pat_{some(22)}_{some(59)}",
    "GitLab": f"glpat-{some(20)}",
    "Slack": f"xoxb-{some(11, string.digits)}-{some(12, string.digits)}-{some(24)}",
    "Slack, address": f"hooks.slack.com/services/T{some(8)}/B{some(9)}/{some(24)}",
    "Google": f"AIza{some(35)}",
    "OpenAI": f"sk-{some(48)}",
    "OpenAI, project": f"sk-proj-{some(74)}",
    "Anthropic": f"sk-ant-api03-{some(93)}AA",
    "Hugging Face": f"hf_{some(34, string.ascii_letters)}",
    "Stripe": f"sk_live_{some(24)}",
    "npm": f"npm_{some(36)}",
    "PyPI": f"pypi-AgEIcHlwaS5vcmc{some(120)}",
    "SendGrid": f"SG.{some(22)}.{some(43)}",
    "Twilio": f"SK{some(32, HEX)}",
    "DigitalOcean": f"dop_v1_{some(64, HEX)}",
    "Shopify": f"shpat_{some(32, HEX)}",
    "Databricks": f"dapi{some(32, HEX)}",
    "Docker": f"dckr_pat_{some(27)}",
    "Telegram": f"123456789:AA{some(33)}",
    "web token": f"eyJ{some(30)}.eyJ{some(60)}.{some(43)}",
    "private key": f"-----BEGIN RSA PRIVATE KEY-----\n"
    f"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES,1F\n\n{some(64)}\n{some(40)}=\n"
    "-----END RSA PRIVATE KEY-----",
    "private key in code": f"-----BEGIN PRIVATE KEY-----\\n{some(64)}\\n-----END PRIVATE KEY-----",
    "private key, PGP": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n"
    f"{some(64)}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----",
    "password": "joe:s3cr3t!",
}
BEFORE = {"password": "postgres://", "Slack, address": "https://"}
AFTER = {"password": "@db.example.org/x"}
NONE = [
    "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"[:-3],
    "ghp_" + "x" * 36,
    "sk-" + "0" * 48,
    "hf_your_token_here",
    "https://user:${PASSWORD}@host/x",
    "https://<user>:<password>@host",
    "https://{user}:{password}@host",
    "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "xoxb-",
    "sk-learn and task-scheduler",
    "https://example.org:8080/path@x",
    "http://[::1]:80",
    "eyJhbGciOiJIUzI1NiJ9",
    "0123456789abcdef0123456789abcdef01234567",
    "commit 4c951c5f6b5879c94929a2a43e25eadee0ff404a",
    "shpat_test",
    "SKILL and ACCESS",
    "npm_config_registry",
    "glpat-short",
]


@pytest.mark.parametrize("name", KEYS)
def test_secrets_are_found_whole(name: str) -> None:
    key = KEYS[name]
    text = f'x = "{BEFORE.get(name, "")}{key}{AFTER.get(name, "")}"\nmore = 1\n'
    assert [text[start:end] for start, end in secrets(text)] == [key]
    assert [(text[start:end], kind) for start, end, kind in find(text, ("credential",))] == [(key, "credential")]


def test_a_key_is_found_by_what_it_is_called() -> None:
    key = some(40)
    for text in (f"aws_secret_access_key = {key}", f"AWS_SECRET_KEY='{key}'", f'"aws_secret_access_key": "{key}"'):
        assert [text[start:end] for start, end in secrets(text)] == [key]
    assert list(secrets(f"digest = {key}")) == []


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_secret_is_left(text: str) -> None:
    assert list(secrets(text)) == []


@pytest.mark.parametrize(
    "piece",
    [
        "sk-",
        "ey",
        "eyaaaaaaaaaaaaaaaa.ey",
        "://a:a",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "aws_key=",
        "xapp-1-A-1-",
        "A",
        "ya29.",
    ],
)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    list(secrets(piece * (100_000 // len(piece))))
