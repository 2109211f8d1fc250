DROP TABLE last_audit;
DROP TABLE alert_lease;
DROP TABLE alert_deliveries;
DROP TABLE alerts;
