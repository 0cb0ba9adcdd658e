# Server access logs: a log bucket in each Region, as S3 asks for.

locals {
  access_prefix = "access/"
  sources = merge([
    for region, buckets in var.logged_buckets : { for bucket in buckets : bucket => region }
  ]...)
}

data "aws_caller_identity" "this" {}

module "log_policies" {
  for_each = var.logged_buckets
  source   = "./policies"

  account_id = data.aws_caller_identity.this.account_id
  bucket     = "${var.log_bucket_prefix}-${each.key}"
  prefix     = local.access_prefix
}

resource "aws_s3_bucket" "logs" {
  for_each = var.logged_buckets

  region = each.key
  bucket = "${var.log_bucket_prefix}-${each.key}"
}

resource "aws_s3_bucket_public_access_block" "logs" {
  for_each = aws_s3_bucket.logs

  region                  = each.key
  bucket                  = each.value.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "logs" {
  for_each = aws_s3_bucket.logs

  region = each.key
  bucket = each.value.id
  policy = module.log_policies[each.key].access_log_delivery
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  for_each = aws_s3_bucket.logs

  region = each.key
  bucket = each.value.id

  rule {
    id     = "Remove old logs"
    status = "Enabled"
    filter {
      prefix = ""
    }
    expiration {
      days = var.expiration_days
    }
    noncurrent_version_expiration {
      noncurrent_days = 1
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_logging" "sources" {
  for_each   = local.sources
  depends_on = [aws_s3_bucket_policy.logs]

  region        = each.value
  bucket        = each.key
  target_bucket = aws_s3_bucket.logs[each.value].id
  target_prefix = local.access_prefix

  target_object_key_format {
    partitioned_prefix {
      partition_date_source = "DeliveryTime"
    }
  }

  lifecycle {
    precondition {
      condition     = !startswith(each.key, "${var.log_bucket_prefix}-")
      error_message = "A log bucket must not log into itself: every delivery would be a request that is delivered."
    }
  }
}
