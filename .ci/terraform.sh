# shellcheck shell=bash
# The checks of deploy/terraform.

cdktf_provider_aws=21.22.1 # the last that there is: version 6.25 of the provider

terraform() {
	local module
	# Neither settings of this machine's user nor files in the tree.
	export TF_CLI_CONFIG_FILE=$scratch/tofu.rc TF_IN_AUTOMATION=1
	echo 'disable_checkpoint = true' >"$TF_CLI_CONFIG_FILE"
	tofu fmt -check -recursive -diff deploy/terraform
	for module in policies trust; do
		TF_DATA_DIR=$scratch/$module tofu -chdir="deploy/terraform/$module" init -backend=false >/dev/null
		TF_DATA_DIR=$scratch/$module tofu -chdir="deploy/terraform/$module" test -no-color
	done
	cat deploy/terraform/*.tf | hcl2json >"$scratch/terraform.json"
	terraform_references
	terraform_types
	terraform_selectors
}

# terraform_references checks that what expressions refer to is there.
terraform_references() {
	gojq -e '
		([(.variable | keys[] | "var.\(.)"), (.locals[] | keys[] | "local.\(.)"), (.module | keys[] | "module.\(.)"),
			(.resource | to_entries[] | .key as $type | .value | keys[] | "\($type).\(.)"),
			(.data | to_entries[] | .key as $type | .value | keys[] | "data.\($type).\(.)")]) as $declared
		| [.. | strings | capture("(^|[^.\\w])(?<to>(var|local|module|aws_\\w+|data\\.aws_\\w+)\\.\\w+)"; "g").to]
		| unique as $referred
		| if $referred - $declared == [] and ($referred | length) > 15 then true else $referred - $declared | halt_error end
	' "$scratch/terraform.json" >/dev/null || fail "deploy/terraform refers to what is not there"
}

# What a folder of the provider's types describes: s3-bucket, data-aws-region.
terraform_blocks='def blocks: (.resource | to_entries[] | {type: (.key | ltrimstr("aws_")), value}),
	(.data | to_entries[] | {type: ("data_" + .key), value})
	| .type |= gsub("_"; "-");'

# The resources of such a type in TypeScript, where names are in camel case,
# "equals" is "equalTo", and Terraform's own arguments have no place.
terraform_objects=$terraform_blocks'blocks | select(.type == $type).value | to_entries[] | .key as $name | .value[]
	| del(.for_each, .depends_on, .lifecycle)
	| walk(if type == "object" then with_entries(.key |= (gsub("_(?<letter>[a-z0-9])"; .letter | ascii_upcase) | sub("^equals$"; "equalTo"))) else . end)
	| "export const the_\($name): Blocks<\($config)> = \(tojson);"'

# terraform_types holds the resources against the types of the provider, which
# itself is not to be had here.
terraform_types() {
	local project=$scratch/terraform package type config count=0
	mkdir -p "$project"
	cp deploy/testdata/terraform.ts "$project"
	(
		cd "$project"
		echo '{"private": true}' >package.json
		npm install --no-audit --no-fund --ignore-scripts --loglevel=error "typescript@$typescript"
		package=$(npm pack --silent "@cdktf/provider-aws@$cdktf_provider_aws")
		tar -xzf "$package" --strip-components 2 --wildcards --no-wildcards-match-slash 'package/lib/*/index.d.ts'
		# All that these types need of CDK for Terraform itself.
		mkdir node_modules/cdktf
		echo 'export interface TerraformMetaArguments {}
			export type IResolvable = never' >node_modules/cdktf/index.d.ts
		while read -r type; do
			config=$(sed -nE 's/^export interface (\w+Config) extends cdktf\.TerraformMetaArguments .*/\1/p' "$type/index.d.ts")
			[[ -n $config ]] || fail "the provider has no $type"
			{
				echo "import type { Blocks } from './terraform';"
				echo "import type { $config } from './$type/index';"
				gojq --raw-output --arg type "$type" --arg config "$config" "$terraform_objects" "$scratch/terraform.json"
			} >"$type.ts"
			count=$((count + 1))
		done < <(gojq --raw-output "$terraform_blocks blocks.type" "$scratch/terraform.json")
		((count > 8)) || fail "only $count kinds of resources found"
		npx tsc --noEmit --strict --skipLibCheck --target es2022 --module esnext --moduleResolution bundler ./*.ts
	)
}

# terraform_selectors checks that the trail records what the guide's does.
terraform_selectors() {
	gojq '[.resource.aws_cloudtrail.s3_access[0].advanced_event_selector[] | {
		Name: .name,
		FieldSelectors: [.field_selector[] | {Field: .field, Equals: .equals, NotStartsWith: .not_starts_with} | with_entries(select(.value))]
	}] | walk(if type == "string" then gsub("\\$\\{var.trail_bucket\\}"; "example-trails") | gsub("\\$\\{var.log_bucket_prefix\\}"; "example-logs") else . end)' \
		"$scratch/terraform.json" >"$scratch/selectors.json"
	gojq . deploy/logs/event-selectors.json | diff -u - "$scratch/selectors.json" || fail "the trail does not record what deploy/logs/event-selectors.json asks for"
}
