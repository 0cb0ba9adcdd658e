// Dashboards, alerts and recording rules as a mixin, for those who build their
// monitoring with jsonnet: https://monitoring.mixins.dev.
{
  grafanaDashboards+:: {
    's3-access-anonymous-denied.json': import 's3-access-anonymous-denied.json',
    's3-access-exporter-health.json': import 's3-access-exporter-health.json',
    's3-access-object-access.json': import 's3-access-object-access.json',
    's3-access-sigv2-migration.json': import 's3-access-sigv2-migration.json',
    's3-access-turned-off.json': import 's3-access-turned-off.json',
  },
  prometheusAlerts+:: {
    groups+: std.parseYaml(importstr 'rules/s3_access_alerts.yaml').groups
             + std.parseYaml(importstr 'rules/s3_access_exporter_alerts.yaml').groups
             + std.parseYaml(importstr 'rules/s3_access_replicas_alerts.yaml').groups,
  },
  prometheusRules+:: { groups+: std.parseYaml(importstr 'rules/s3_access_recording.yaml').groups },
}
