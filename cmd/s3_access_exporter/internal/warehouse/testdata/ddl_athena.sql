CREATE EXTERNAL TABLE s3_access_log_example_logs_partitioned_e0729deb (
  line string
)
PARTITIONED BY (account string, region string, bucket string, day string)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe' WITH SERDEPROPERTIES ('input.regex' = '(.*)')
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://example-logs/partitioned/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.account.type' = 'injected', 'projection.region.type' = 'injected', 'projection.bucket.type' = 'injected',
  'projection.day.type' = 'date', 'projection.day.format' = 'yyyy/MM/dd', 'projection.day.range' = '2013/01/01,NOW+1DAYS',
  'projection.day.interval' = '1', 'projection.day.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://example-logs/partitioned/${account}/${region}/${bucket}/${day}'
);

CREATE EXTERNAL TABLE s3_access_log_example_logs_no_slash_8f5ec30e (
  line string
)
PARTITIONED BY (account string, region string, bucket string, day string)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe' WITH SERDEPROPERTIES ('input.regex' = '(.*)')
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://example-logs/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.account.type' = 'injected', 'projection.region.type' = 'injected', 'projection.bucket.type' = 'injected',
  'projection.day.type' = 'date', 'projection.day.format' = 'yyyy/MM/dd', 'projection.day.range' = '2013/01/01,NOW+1DAYS',
  'projection.day.interval' = '1', 'projection.day.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://example-logs/no-slash${account}/${region}/${bucket}/${day}'
);

CREATE EXTERNAL TABLE s3_cloudtrail_example_logs_awslogs_o_example_69e00520 (
  eventversion string,
  useridentity struct<type:string, principalid:string, arn:string, accountid:string, accesskeyid:string, username:string, invokedby:string, sessioncontext:struct<attributes:struct<mfaauthenticated:string>>>,
  eventtime string,
  eventsource string,
  eventname string,
  awsregion string,
  sourceipaddress string,
  useragent string,
  errorcode string,
  requestparameters string,
  additionaleventdata string,
  requestid string,
  eventid string,
  eventtype string,
  recipientaccountid string,
  sharedeventid string,
  vpcendpointid string,
  vpcendpointaccountid string,
  eventcategory string,
  sessioncredentialfromconsole string,
  tlsdetails struct<tlsversion:string, ciphersuite:string, clientprovidedhostheader:string>,
  addendum struct<originaleventid:string>,
  resources array<struct<type:string, accountid:string, arn:string>>
)
PARTITIONED BY (account string, region string, day string)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
STORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://example-logs/AWSLogs/o-example/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.account.type' = 'injected', 'projection.region.type' = 'injected',
  'projection.day.type' = 'date', 'projection.day.format' = 'yyyy/MM/dd', 'projection.day.range' = '2013/01/01,NOW+1DAYS',
  'projection.day.interval' = '1', 'projection.day.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://example-logs/AWSLogs/o-example/${account}/CloudTrail/${region}/${day}'
);

CREATE EXTERNAL TABLE s3_access_log_srv_logs_ff314335 (
  line string
)
PARTITIONED BY (account string, region string, bucket string, day string)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe' WITH SERDEPROPERTIES ('input.regex' = '(.*)')
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 'local:///srv/logs/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.account.type' = 'injected', 'projection.region.type' = 'injected', 'projection.bucket.type' = 'injected',
  'projection.day.type' = 'date', 'projection.day.format' = 'yyyy/MM/dd', 'projection.day.range' = '2013/01/01,NOW+1DAYS',
  'projection.day.interval' = '1', 'projection.day.interval.unit' = 'DAYS',
  'storage.location.template' = 'local:///srv/logs/${account}/${region}/${bucket}/${day}'
);

