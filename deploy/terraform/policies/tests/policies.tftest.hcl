# Each policy is the one that deploy/iam or deploy/logs has.

variables {
  account_id = "111122223333"
}

run "access_logs" {
  variables {
    bucket = "example-logs-eu-west-1"
    prefix = "access/"
  }

  assert {
    condition     = jsondecode(output.access_log_delivery) == jsondecode(file("../../logs/log-bucket-policy.json"))
    error_message = "not logs/log-bucket-policy.json: ${output.access_log_delivery}"
  }
  assert {
    condition     = jsondecode(output.read) == jsondecode(file("../../iam/read-log-bucket.json"))
    error_message = "not iam/read-log-bucket.json: ${output.read}"
  }
  assert {
    condition     = output.trail_delivery == null
    error_message = "a trail may write that is not there"
  }
}

run "trail" {
  variables {
    bucket          = "example-trails"
    prefix          = "AWSLogs/"
    trail_arn       = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/s3-access"
    organization_id = "o-exampleorgid"
  }

  assert {
    condition     = jsondecode(output.trail_delivery) == jsondecode(file("../../logs/trail-bucket-policy.json"))
    error_message = "not logs/trail-bucket-policy.json: ${output.trail_delivery}"
  }
  # Without a key of one's own, all but the right to decrypt.
  assert {
    condition = jsondecode(output.read).Statement == [
      for statement in jsondecode(file("../../iam/read-log-bucket-kms.json")).Statement : statement if statement.Sid != "DecryptLogs"
    ]
    error_message = "not iam/read-log-bucket-kms.json: ${output.read}"
  }
}
