"""Secrets in text: passwords in addresses, private keys, and the keys of services, by the forms that these publish.

Gitleaks' rules (config/gitleaks.toml, MIT) say which services have keys that show by themselves. The patterns are our
own. What stands for a key in documentation is none: one that ends in EXAMPLE, or of few different signs.
Every pattern is bounded, so the time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SERVICES = (
    r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",  # Amazon
    r"(?i:\baws_?(?:secret_?)?(?:access_?)?key(?:_?id)?[\"']?\s{0,3}[:=]\s{0,3}[\"']?)([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b|\bgithub_pat_\w{82}\b",
    r"\bgl(?:pat|dt|rt|ft|soat|agent|oas|cbt|ptt|imt)-[\w-]{20,64}",  # GitLab
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}|\bxapp-\d-[A-Z0-9]{1,20}-\d{1,20}-[a-z0-9]{1,100}",  # Slack
    r"\bhooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{43,56}",
    r"\bAIza[\w-]{35}\b|\bya29\.[\w-]{20,300}|\bGOCSPX-[\w-]{28}\b",  # Google
    r"\bsk-(?:proj-|svcacct-|admin-|ant-(?:api|admin)\d\d-)?[A-Za-z0-9_-]{20,200}",  # OpenAI, Anthropic
    r"\b(?:hf|api_org)_[A-Za-z]{34}\b",  # Hugging Face
    r"\b[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,99}\b|\bwhsec_[A-Za-z0-9+/=]{32,60}",  # Stripe
    r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgEI[\w-]{50,1000}|\brubygems_[a-f0-9]{48}\b",
    r"\bSG\.[\w-]{22}\.[\w-]{43}\b|\b(?:AC|SK)[0-9a-f]{32}\b|\bkey-[0-9a-f]{32}\b",  # SendGrid, Twilio, Mailgun
    r"\bdo[opr]_v1_[a-f0-9]{64}\b|\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b|\bdapi[a-f0-9]{32}\b",
    r"\bEAA[A-Za-z0-9]{80,300}\b|\bsq0(?:atp|csp)-[\w-]{22,43}\b|\bdckr_pat_[\w-]{27}\b",
    r"\b(?:hvs|hvb)\.[\w-]{90,300}|\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b|\bglsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}\b",
    r"\b\d{8,10}:AA[\w-]{33}(?![\w-])",  # Telegram
    r"\bey[A-Za-z0-9]{14,2000}\.ey[A-Za-z0-9/\\_-]{14,4000}\.[\w/\\-]{10,2000}={0,2}",  # JSON Web Token
    r"(?i:\bAccountKey=)([A-Za-z0-9+/]{86}==)",  # Azure
)
_SECRET = re.compile(
    r"(?<=://)[^\s/:@\"'<>{}$]{1,64}:[^\s/@\"'<>{}$]{1,128}(?=@)"
    r"|-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:\s{0,4}(?:Proc-Type|DEK-Info|Version|Comment)[^\n]{0,200}){0,4}"
    r"[\w+/=\s\\]{0,20000}(?:-----END [A-Z0-9 ]{0,60}-----)?|" + "|".join(_SERVICES)
)
_FEWEST = 6  # different signs of a real key


def secrets(text: str) -> Iterator[tuple[int, int]]:
    """Yield where secrets stand in a text: first character, character after the last."""
    for found in _SECRET.finditer(text):
        group = found.lastindex or 0
        key = found[group]
        if ":" in key or "PRIVATE KEY" in key or (not key.endswith("EXAMPLE") and len(set(key[-20:])) >= _FEWEST):
            yield found.span(group)
