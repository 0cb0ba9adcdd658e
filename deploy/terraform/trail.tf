# CloudTrail's data events of S3 objects, for all Regions.

locals {
  trails = var.trail_bucket == null ? {} : { (var.trail_name) = var.trail_bucket }
}

data "aws_region" "this" {}

module "trail_policies" {
  for_each = local.trails
  source   = "./policies"

  account_id      = data.aws_caller_identity.this.account_id
  bucket          = each.value
  prefix          = "AWSLogs/"
  trail_arn       = "arn:aws:cloudtrail:${data.aws_region.this.region}:${data.aws_caller_identity.this.account_id}:trail/${each.key}"
  organization_id = var.organization_id
}

resource "aws_s3_bucket" "trail" {
  for_each = local.trails

  bucket = each.value
}

resource "aws_s3_bucket_public_access_block" "trail" {
  for_each = aws_s3_bucket.trail

  bucket                  = each.value.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "trail" {
  for_each = aws_s3_bucket.trail

  bucket = each.value.id
  policy = module.trail_policies[each.key].trail_delivery
}

resource "aws_s3_bucket_lifecycle_configuration" "trail" {
  for_each = aws_s3_bucket.trail

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

resource "aws_cloudtrail" "s3_access" {
  for_each   = aws_s3_bucket.trail
  depends_on = [aws_s3_bucket_policy.trail]

  name                       = each.key
  s3_bucket_name             = each.value.id
  is_multi_region_trail      = true
  is_organization_trail      = var.organization_id != null
  enable_log_file_validation = true

  # A second copy of management events costs money: without this selector, let
  # the exporter read the other trail, too.
  advanced_event_selector {
    name = "Management events"
    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }

  # Otherwise each delivery of a log and each read of the exporter would be an
  # event that you pay for.
  advanced_event_selector {
    name = "Requests for S3 objects, save for those in log buckets"
    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }
    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }
    field_selector {
      field           = "resources.ARN"
      not_starts_with = ["arn:aws:s3:::${var.trail_bucket}/", "arn:aws:s3:::${var.log_bucket_prefix}-"]
    }
  }
}
