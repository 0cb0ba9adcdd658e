CREATE TABLE s3_access_log_example_logs_partitioned_e0729deb (
  line varchar,
  account varchar WITH (partition_projection_type = 'injected'),
  region varchar WITH (partition_projection_type = 'injected'),
  bucket varchar WITH (partition_projection_type = 'injected'),
  day varchar WITH (partition_projection_type = 'date', partition_projection_format = 'yyyy/MM/dd', partition_projection_range = ARRAY['2013/01/01', 'NOW+1DAYS'], partition_projection_interval = 1, partition_projection_interval_unit = 'DAYS')
) WITH (
  format = 'REGEX', regex = '(.*)',
  external_location = 's3://example-logs/partitioned',
  partitioned_by = ARRAY['account', 'region', 'bucket', 'day'],
  partition_projection_enabled = true,
  partition_projection_location_template = 's3://example-logs/partitioned/${account}/${region}/${bucket}/${day}'
);

CREATE TABLE s3_access_log_example_logs_no_slash_8f5ec30e (
  line varchar,
  account varchar WITH (partition_projection_type = 'injected'),
  region varchar WITH (partition_projection_type = 'injected'),
  bucket varchar WITH (partition_projection_type = 'injected'),
  day varchar WITH (partition_projection_type = 'date', partition_projection_format = 'yyyy/MM/dd', partition_projection_range = ARRAY['2013/01/01', 'NOW+1DAYS'], partition_projection_interval = 1, partition_projection_interval_unit = 'DAYS')
) WITH (
  format = 'REGEX', regex = '(.*)',
  external_location = 's3://example-logs/',
  partitioned_by = ARRAY['account', 'region', 'bucket', 'day'],
  partition_projection_enabled = true,
  partition_projection_location_template = 's3://example-logs/no-slash${account}/${region}/${bucket}/${day}'
);

CREATE TABLE s3_cloudtrail_example_logs_awslogs_o_example_69e00520 (
  line varchar,
  account varchar WITH (partition_projection_type = 'injected'),
  region varchar WITH (partition_projection_type = 'injected'),
  day varchar WITH (partition_projection_type = 'date', partition_projection_format = 'yyyy/MM/dd', partition_projection_range = ARRAY['2013/01/01', 'NOW+1DAYS'], partition_projection_interval = 1, partition_projection_interval_unit = 'DAYS')
) WITH (
  format = 'REGEX', regex = '(.*)',
  external_location = 's3://example-logs/AWSLogs/o-example',
  partitioned_by = ARRAY['account', 'region', 'day'],
  partition_projection_enabled = true,
  partition_projection_location_template = 's3://example-logs/AWSLogs/o-example/${account}/CloudTrail/${region}/${day}'
);

CREATE TABLE s3_access_log_srv_logs_ff314335 (
  line varchar,
  account varchar WITH (partition_projection_type = 'injected'),
  region varchar WITH (partition_projection_type = 'injected'),
  bucket varchar WITH (partition_projection_type = 'injected'),
  day varchar WITH (partition_projection_type = 'date', partition_projection_format = 'yyyy/MM/dd', partition_projection_range = ARRAY['2013/01/01', 'NOW+1DAYS'], partition_projection_interval = 1, partition_projection_interval_unit = 'DAYS')
) WITH (
  format = 'REGEX', regex = '(.*)',
  external_location = 'local:///srv/logs/',
  partitioned_by = ARRAY['account', 'region', 'bucket', 'day'],
  partition_projection_enabled = true,
  partition_projection_location_template = 'local:///srv/logs/${account}/${region}/${bucket}/${day}'
);

