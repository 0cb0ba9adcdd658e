output "role_arn" {
  description = "For serviceAccount.roleArn of the chart, or for role_arn of the locations."
  value       = aws_iam_role.reader.arn
}

output "locations" {
  description = "What the exporter is to read."
  value = concat(
    [for bucket in aws_s3_bucket.logs : "s3://${bucket.id}/${local.access_prefix}"],
    [for bucket in aws_s3_bucket.trail : "s3://${bucket.id}/AWSLogs/"],
  )
}
