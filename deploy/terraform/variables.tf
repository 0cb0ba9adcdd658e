variable "logged_buckets" {
  description = "Buckets that get server access logs, by Region. Each Region gets a log bucket."
  type        = map(set(string))
  default     = {}
}

variable "log_bucket_prefix" {
  description = "Beginning of the log buckets' names; the Region follows. Nothing else may be called so: its requests are not recorded by the trail."
  type        = string
}

variable "trail_bucket" {
  description = "Name of the bucket for CloudTrail's events. Without it there is no trail."
  type        = string
  default     = null
}

variable "trail_name" {
  description = "Name of the trail. It lies in the Region of the provider and records all Regions."
  type        = string
  default     = "s3-access"
}

variable "organization_id" {
  description = "Makes the trail the organisation's. This must then be applied in its management account."
  type        = string
  default     = null
}

variable "expiration_days" {
  description = "After how many days logs are removed. The exporter goes on trying to read an object for 7."
  type        = number
  default     = 90

  validation {
    condition     = var.expiration_days >= 7
    error_message = "The exporter goes on trying to read a log object for 7 days: keep it so long."
  }
}

variable "reader_role_name" {
  description = "Name of the role that reads the logs."
  type        = string
  default     = "s3-access-exporter"
}

variable "eks" {
  description = "The service account that takes on the reader's role, if the exporter runs on Amazon EKS."
  type = object({
    oidc_provider_arn = string
    namespace         = optional(string, "s3-access")
    service_account   = optional(string, "s3-access-exporter")
  })
  default = null
}

variable "exporter_role_arn" {
  description = "The exporter's role, if it takes on the reader's from another account (role_arn of a location)."
  type        = string
  default     = null

  validation {
    condition     = (var.exporter_role_arn == null) != (var.eks == null)
    error_message = "Name either eks or exporter_role_arn: who takes on the reader's role."
  }
}
