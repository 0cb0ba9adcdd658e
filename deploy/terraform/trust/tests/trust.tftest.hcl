# Each policy is the one that deploy/iam has.

run "service_account" {
  variables {
    eks = {
      oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
      namespace         = "s3-access"
      service_account   = "s3-access-exporter"
    }
  }

  assert {
    condition     = jsondecode(output.policy) == jsondecode(file("../../iam/trust-eks.json"))
    error_message = "not iam/trust-eks.json: ${output.policy}"
  }
}

run "role" {
  variables {
    exporter_role_arn = "arn:aws:iam::111122223333:role/s3-access-exporter"
  }

  assert {
    condition     = jsondecode(output.policy) == jsondecode(file("../../iam/trust-log-reader.json"))
    error_message = "not iam/trust-log-reader.json: ${output.policy}"
  }
}
