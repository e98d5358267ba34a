"""Grafana's dashboards, alert rules and notifications as code; the store's functions give what they show."""
