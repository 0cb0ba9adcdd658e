# The policies of a log bucket, and of whoever reads it; without a provider, so
# that "tofu test" and "terraform test" hold them against deploy/iam and
# deploy/logs.

variable "account_id" {
  description = "The account of the bucket, and of what is logged."
  type        = string
}

variable "bucket" {
  description = "The log bucket's name."
  type        = string
}

variable "prefix" {
  description = "Below which keys the logs lie."
  type        = string
}

variable "trail_arn" {
  description = "The trail that may write to the bucket."
  type        = string
  default     = null
}

variable "organization_id" {
  description = "The organisation whose trail it is."
  type        = string
  default     = null
}

locals {
  arn = "arn:aws:s3:::${var.bucket}"
  deny_plain_http = {
    Sid       = "DenyPlainHTTP"
    Effect    = "Deny"
    Principal = "*"
    Action    = "s3:*"
    Resource  = [local.arn, "${local.arn}/*"]
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}

output "access_log_delivery" {
  description = "Bucket policy: S3 may deliver server access logs of the account's buckets, save for this one's own."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DeliverAccessLogs"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.arn}/${var.prefix}*"
        Condition = {
          StringEquals = { "aws:SourceAccount" = var.account_id }
          ArnLike      = { "aws:SourceArn" = "arn:aws:s3:::*" }
          ArnNotEquals = { "aws:SourceArn" = local.arn }
        }
      },
      local.deny_plain_http,
    ]
  })
}

output "trail_delivery" {
  description = "Bucket policy: the trail may deliver events of the account and the organisation; null without a trail."
  value = var.trail_arn == null ? null : jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "CheckTrailBucket"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = local.arn
        Condition = { StringEquals = { "aws:SourceArn" = var.trail_arn } }
      },
      {
        Sid       = "DeliverTrail"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = [for owner in compact([var.account_id, var.organization_id]) : "${local.arn}/${var.prefix}${owner}/*"]
        Condition = {
          StringEquals = {
            "aws:SourceArn" = var.trail_arn
            "s3:x-amz-acl"  = "bucket-owner-full-control"
          }
        }
      },
      local.deny_plain_http,
    ]
  })
}

output "read" {
  description = "Identity policy: to find and to read the logs."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ListLogs"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.arn
        Condition = { StringLike = { "s3:prefix" = "${var.prefix}*" } }
      },
      {
        Sid      = "ReadLogs"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${local.arn}/${var.prefix}*"
      },
    ]
  })
}
