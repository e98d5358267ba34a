"""Who is told of alerts, and how soon: contact points and policies, as provisioning files have them."""

from dashboards.alert_rule import Severity

DUTY, STAFF = "Bypuls vakt", "Bypuls drift"


def contact_points() -> dict[str, object]:
    """Return the two contact points: who is on duty, and who works in the office.

    The addresses are environment variables of the Grafana server; without GF_SMTP_ENABLED nothing is
    sent, and alerts show in Grafana only.
    """
    points = [_mail("bypuls-duty", DUTY, "$ALERT_MAIL_DUTY"), _mail("bypuls-staff", STAFF, "$ALERT_MAIL")]
    return {"apiVersion": 1, "contactPoints": points}


def policies() -> dict[str, object]:
    """Return the policy: critical to who is on duty within half a minute, everything else to the office."""
    return {
        "apiVersion": 1,
        "policies": [
            {
                "orgId": 1,
                "receiver": STAFF,
                # Fifty nodes that fall silent together are one message.
                "group_by": ["alertname"],
                "group_wait": "2m",
                "group_interval": "10m",
                "repeat_interval": "12h",
                "routes": [
                    {
                        "receiver": DUTY,
                        "object_matchers": [["severity", "=", Severity.CRITICAL]],
                        "group_wait": "30s",
                        "group_interval": "5m",
                        "repeat_interval": "2h",
                    },
                    {
                        "receiver": STAFF,
                        "object_matchers": [["severity", "=", Severity.INFO]],
                        "group_wait": "15m",
                        "repeat_interval": "24h",
                    },
                ],
            }
        ],
    }


def _mail(uid: str, name: str, addresses: str) -> dict[str, object]:
    receiver = {
        "uid": uid,
        "type": "email",
        "settings": {"addresses": addresses, "singleEmail": False},
        "disableResolveMessage": False,
    }
    return {"orgId": 1, "name": name, "receivers": [receiver]}
