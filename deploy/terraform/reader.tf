# The role that reads the logs.

module "trust" {
  source = "./trust"

  eks               = var.eks
  exporter_role_arn = var.exporter_role_arn
}

resource "aws_iam_role" "reader" {
  name               = var.reader_role_name
  assume_role_policy = module.trust.policy
}

resource "aws_iam_role_policy" "reader" {
  for_each = merge(
    { for region, policies in module.log_policies : "${var.log_bucket_prefix}-${region}" => policies.read },
    { for trail, policies in module.trail_policies : var.trail_bucket => policies.read },
  )

  role   = aws_iam_role.reader.name
  name   = "read-${each.key}"
  policy = each.value
}
