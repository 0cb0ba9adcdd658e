# shellcheck shell=bash
# The checks of the operator's kit, dashboards/ and deploy/, that are not Go tests.

grafana=13.2.3
typescript=5.9.3
oldest_prometheus=v0.42.0 # Prometheus 2.42
kubernetes=v1.36.3
prometheus_operator=v0.94.1 # the newest whose types all modules are there for

kit() {
	rules
	oldest_prometheus
	grafana_types
	grafana_shows
	kubernetes
	prometheus_examples
	systemd_unit
	compose_file
}

# rules checks the alert and recording rules and runs their tests.
rules() {
	promtool check rules --lint=all --lint-fatal dashboards/rules/*.yaml
	promtool test rules dashboards/rules/tests/*_test.yaml
}

# oldest_prometheus runs the expressions of the dashboards and rules with the
# engine of the oldest Prometheus that they support.
oldest_prometheus() {
	local project=$scratch/oldest
	mkdir "$project"
	cp dashboards/testdata/oldest/main.go "$project"
	(
		cd "$project"
		printf 'module oldest\n\ngo 1.26\n' >go.mod
		go get "github.com/prometheus/prometheus/promql@$oldest_prometheus" "github.com/prometheus/prometheus/tsdb@$oldest_prometheus"
		go build -mod=mod -o oldest .
	)
	go test -count=1 -run '^TestOldestPrometheus_' ./dashboards -prometheus.oldest="$project/oldest"
}

# grafana_modules installs what Grafana publishes, and prints the folder.
grafana_modules() {
	local project=$scratch/grafana
	if [[ ! -d $project ]]; then
		mkdir "$project"
		echo '{"private": true}' >"$project/package.json"
		npm install --prefix "$project" --no-audit --no-fund --ignore-scripts --loglevel=error \
			"@grafana/schema@$grafana" "@grafana/data@$grafana" "typescript@$typescript" >&2
	fi
	echo "$project"
}

# grafana_shows tests what Grafana's library makes of the dashboards.
grafana_shows() {
	go test -count=1 -run '^TestGrafana_' ./dashboards -grafana.modules="$(grafana_modules)/node_modules"
}

# grafana_types holds the dashboards against the types that Grafana publishes.
grafana_types() {
	local file name project
	project=$(grafana_modules)
	cp dashboards/testdata/grafana.ts "$project"
	for file in dashboards/*.json; do
		name=$(basename "$file" .json)
		{
			echo "import type { AnyDashboard } from './grafana';"
			echo "export const dashboard: AnyDashboard ="
			cat "$file"
		} >"$project/$name.ts"
	done
	[[ -n ${name:-} && -s $project/$name.ts ]] || fail "no dashboards"
	(
		cd "$project"
		npx tsc --noEmit --strict --skipLibCheck --target es2022 --module esnext --moduleResolution bundler ./*.ts
	)
}

# What a schema does not name is forbidden, as the API server warns of it.
strict='def strict: walk(
  if type != "object" then .
  elif .format == "int-or-string" or ."x-kubernetes-int-or-string" then {oneOf: [{type: "string"}, {type: "integer"}]}
  elif (.properties | type) == "object" and (has("additionalProperties") or ."x-kubernetes-preserve-unknown-fields" | not)
  then .additionalProperties = false
  else . end);'

# kubernetes_schemas makes JSON schemas out of Kubernetes' own description of
# its API and out of the Prometheus Operator's types, and prints their folder.
kubernetes_schemas() {
	local folder=$cache/schemas-$kubernetes-$prometheus_operator work file kind
	if [[ -d $folder ]]; then
		echo "$folder"
		return
	fi
	work=$(mktemp -d -p "$scratch")
	mkdir "$work/schemas"
	(
		cd "$work"
		printf 'module schemas\ngo 1.26\n' >go.mod
		file=$(go mod download -json "k8s.io/kubernetes@$kubernetes" | gojq -r .Dir)/api/openapi-spec/swagger.json
		# What describes schemas has properties that are called "properties".
		gojq -c "$strict {definitions: (.definitions | with_entries(select(.key | startswith(\"io.k8s.apiext\") | not)) | strict)}" \
			"$file" >schemas/definitions.json
		gojq -r '.definitions | to_entries[] | .key as $name | .value["x-kubernetes-group-version-kind"] // []
			| select(length == 1)[0] | "\(.kind) \(.group) \(.version) \($name)"' "$file" |
			while IFS=' ' read -r kind group version name; do
				[[ -n $name ]] || name=$version version=$group group=
				file=${kind,,}${group:+-${group%%.*}}-$version.json
				printf '{"$ref": "file://%s/definitions.json#/definitions/%s"}\n' "$folder" "$name" >"schemas/$file"
			done
		go get "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1@$prometheus_operator"
		controller-gen crd:crdVersions=v1 output:crd:dir=crds \
			paths=github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1
		for kind in servicemonitor prometheusrule; do
			gojq --yaml-input "$strict .spec.versions[0].schema.openAPIV3Schema | strict" \
				"crds/monitoring.coreos.com_${kind}s.yaml" >"schemas/$kind-monitoring-v1.json"
		done
	) >&2
	mv "$work/schemas" "$folder"
	echo "$folder"
}

kubernetes() {
	local schemas folder
	schemas=$(kubernetes_schemas)
	for folder in deploy/kubernetes/base deploy/kubernetes/overlays/*; do
		kustomize build "$folder" >"$scratch/manifests.yaml"
		kubeconform -strict -summary -schema-location "$schemas/{{.ResourceKind}}{{.KindSuffix}}.json" "$scratch/manifests.yaml"
	done
}

# prometheus_examples checks the examples with the rules where they say that
# they are.
prometheus_examples() {
	local file
	for file in deploy/prometheus/prometheus.yml deploy/docker/prometheus.yml; do
		sed "s|/etc/prometheus/rules|$PWD/dashboards/rules|" "$file" >"$scratch/prometheus.yml"
		promtool check config "$scratch/prometheus.yml"
	done
	amtool check-config deploy/prometheus/alertmanager.yml
	[[ $(amtool config routes test --config.file=deploy/prometheus/alertmanager.yml severity=critical) == pager ]] ||
		fail "critical alerts do not reach the pager"
}

# The most of systemd's exposure level (0 is best) that the unit may have.
exposure=11 # tenths

# systemd_unit checks the unit in a folder that has what it names.
systemd_unit() {
	local root=$scratch/unit unit=s3_access_exporter.service
	mkdir -p "$root/etc/systemd/system" "$root/usr/local/bin" "$root/etc/s3_access_exporter"
	cp "deploy/systemd/$unit" "$root/etc/systemd/system/"
	install -m 755 /dev/null "$root/usr/local/bin/s3_access_exporter"
	systemd-analyze verify --man=no --recursive-errors=no --root="$root" "$unit"
	systemd-analyze security --offline=true --threshold="$exposure" "deploy/systemd/$unit" | tail -n 1
}

# compose_file checks the compose file as it stands, and with the example of a
# configuration.
compose_file() {
	compose --file deploy/docker/compose.yaml config --quiet
	compose --file deploy/docker/compose.yaml --env-file deploy/docker/example.env config --format json |
		gojq -e '.services.exporter.command == ["serve", "s3://example-logs-eu-west-1"]'
}
