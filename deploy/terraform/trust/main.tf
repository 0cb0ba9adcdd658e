# Who takes on the reader's role; without a provider, for the tests.

variable "eks" {
  description = "A service account of Amazon EKS."
  type = object({
    oidc_provider_arn = string
    namespace         = string
    service_account   = string
  })
  default = null
}

variable "exporter_role_arn" {
  description = "A role, in place of a service account."
  type        = string
  default     = null
}

locals {
  issuer = var.eks == null ? "" : split("oidc-provider/", var.eks.oidc_provider_arn)[1]
}

output "policy" {
  description = "Trust policy."
  value = var.eks == null ? jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TrustExporter"
      Effect    = "Allow"
      Principal = { AWS = var.exporter_role_arn }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:RoleSessionName" = "s3_access_exporter" } }
    }]
    }) : jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TrustServiceAccount"
      Effect    = "Allow"
      Principal = { Federated = var.eks.oidc_provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = "system:serviceaccount:${var.eks.namespace}:${var.eks.service_account}"
        }
      }
    }]
  })
}
