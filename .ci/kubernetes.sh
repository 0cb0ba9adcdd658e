# shellcheck shell=bash
# The checks of deploy/kubernetes and deploy/helm that are not Go tests.

kubernetes=v1.36.3
prometheus_operator=v0.94.1 # the newest whose types all modules are there for

kubernetes() {
	local schemas folder values
	schemas=$(kubernetes_schemas)
	mkdir "$scratch/configurations"
	for folder in deploy/kubernetes/base deploy/kubernetes/overlays/* deploy/kubernetes/jobs/*; do
		kustomize build "$folder" >"$scratch/manifests.yaml"
		conforms "$schemas" "$scratch/manifests.yaml"
		configuration_of "$folder"
	done
	for values in "$chart"/ci/*-values.yaml deploy/helm/*-values.yaml; do
		rendered "$chart" "$values" >"$scratch/manifests.yaml"
		conforms "$schemas" "$scratch/manifests.yaml"
		configuration_of "$values"
	done
	go test -count=1 -run '^TestKit_ServeChecksConfigurationFiles$' ./deploy -rendered="$scratch/configurations"
	helm_chart
}

# configuration_of NAME keeps the configuration of the manifests, if it is among them.
configuration_of() {
	gojq --yaml-input --raw-output 'select(.kind == "ConfigMap").data["s3_access_exporter.yaml"] // empty' \
		"$scratch/manifests.yaml" >"$scratch/configuration"
	[[ ! -s $scratch/configuration ]] || mv "$scratch/configuration" "$scratch/configurations/$(basename "$1" .yaml).yaml"
}

# conforms SCHEMAS FILE holds manifests against the API.
conforms() {
	kubeconform -strict -summary -schema-location "$1/{{.ResourceKind}}{{.KindSuffix}}.json" "$2"
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
	local folder=$cache/schemas-2-$kubernetes-$prometheus_operator work file kind types version
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
		types=github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring
		go get "$types/v1@$prometheus_operator" "$types/v1alpha1@$prometheus_operator"
		controller-gen crd:crdVersions=v1 output:crd:dir=crds paths="$types/v1" paths="$types/v1alpha1"
		for kind in servicemonitor-v1 prometheusrule-v1 scrapeconfig-v1alpha1; do
			version=${kind#*-} kind=${kind%-*}
			gojq --yaml-input "$strict .spec.versions[0].schema.openAPIV3Schema | strict" \
				"crds/monitoring.coreos.com_${kind}s.yaml" >"schemas/$kind-monitoring-$version.json"
		done
	) >&2
	mv "$work/schemas" "$folder"
	echo "$folder"
}

chart=deploy/helm/s3-access-exporter

# rendered CHART VALUES prints what a release of the kustomize base's name is made of.
rendered() {
	quiet helm template s3-access-exporter "$1" --namespace s3-access --values "$2"
}

# quiet COMMAND... keeps what a command says on standard error, which for helm is
# a line for each symbolic link, unless it fails.
quiet() {
	"$@" 2>"$scratch/stderr" || fail "$*: $(<"$scratch/stderr")"
}

# helm_chart checks that the chart lints and packages with what lies outside of
# its folder, that it is the kustomize base in another form, and that it refuses
# values that cannot work.
helm_chart() {
	local values
	for values in "$chart"/ci/*-values.yaml deploy/helm/*-values.yaml; do
		quiet helm lint --strict --quiet "$chart" --values "$values"
	done
	helm_equals_kustomize monitoring 7
	helm_equals_kustomize shards 7
	helm_equals_kustomize standby 9
	helm_packages
	helm_refuses 'locations is empty' --set image.tag=1
	helm_refuses 'image.repository is empty' --set 'locations={s3://b},image.repository='
	helm_refuses 'image.tag is empty' --set 'locations={s3://b}'
	helm_refuses "additional properties 'role' not allowed" --set 'locations[0].location=s3://b,locations[0].role=x'
	helm_refuses "'bucket' does not match pattern" --set 'locations={bucket}'
	helm_refuses "additional properties 'replicas' not allowed" --set replicas=2
	helm_refuses 'checkpoint.path is empty' --set 'locations={s3://b},image.tag=1,standby.enabled=true'
	helm_refuses 'choose one of the two' --set 'locations={s3://b},image.tag=1,standby.enabled=true,shards=2,checkpoint.path=s3://state/x'
	helm_refuses "'/data/checkpoint.db' does not match pattern" --set checkpoint.path=/data/checkpoint.db
	helm_refuses 'config.shard.count: the chart sets it' --set 'locations={s3://b},image.tag=1' --set-string 'config.shard\.count=2'
	# Flags that are written nested would be there twice, here and by the defaults.
	helm_refuses '/config/scan' --set config.scan.since=all
}

# helm_refuses TEXT FLAG... checks that the chart does not render, and why.
helm_refuses() {
	if helm template s3-access-exporter "$chart" "${@:2}" &>"$scratch/refusal"; then
		fail "the chart renders with ${*:2}"
	fi
	grep -qF -- "$1" "$scratch/refusal" || fail "the chart refuses ${*:2} otherwise: $(<"$scratch/refusal")"
}

# What the two forms may differ in: the chart's own labels and annotation, and
# the suffix by which kustomize tells configurations apart.
common='map(select(. != null) | walk(
	if type == "object" then
		del(.namespace, ."helm.sh/chart", ."app.kubernetes.io/instance", ."app.kubernetes.io/version", ."app.kubernetes.io/managed-by",
			."checksum/config") | with_entries(select(.value != {}))
	elif type == "string" then sub("^s3-access-exporter-[a-z0-9]{10}$"; "s3-access-exporter")
	else . end)
	| del(.spec.volumeClaimTemplates[]?.metadata.labels)
	| (.spec.template?.spec? | select(.) | .volumes, .containers[].volumeMounts, .containers[].env) |= sort_by(.name)
	| if .kind == "ConfigMap" then del(.data) else . end)
	| sort_by(.kind, .metadata.name)'

# helm_equals_kustomize OVERLAY OBJECTS checks that chart and kustomize make the same
# objects, and how many, and the same configuration.
helm_equals_kustomize() {
	local form overlay=$1 objects=$2
	kustomize build "deploy/kubernetes/overlays/$overlay" >"$scratch/kustomize.yaml"
	rendered "$chart" "$chart/ci/$overlay-values.yaml" >"$scratch/helm.yaml"
	for form in kustomize helm; do
		gojq --yaml-input --slurp "$common" "$scratch/$form.yaml" >"$scratch/$form.json"
		gojq --yaml-input --raw-output 'select(.kind == "ConfigMap").data["s3_access_exporter.yaml"]' "$scratch/$form.yaml" |
			gojq --yaml-input . >>"$scratch/$form.json"
	done
	diff -u "$scratch/kustomize.json" "$scratch/helm.json" || fail "the chart is not what overlays/$overlay has"
	[[ $(gojq --slurp '.[0] | length' "$scratch/helm.json") == "$objects" ]] || fail "not all objects were compared"
}

# helm_packages checks that the package has the dashboards and rules, which the
# chart's folder links to.
helm_packages() {
	local values=$chart/ci/accounts-values.yaml file
	quiet helm package "$chart" --destination "$scratch" --version 1.2.3 --app-version 1.2.3 >/dev/null
	rendered "$scratch/s3-access-exporter-1.2.3.tgz" "$values" >"$scratch/packaged.yaml"
	for file in dashboards/*.json; do
		gojq --yaml-input --raw-output ".data[\"$(basename "$file")\"] // empty" "$scratch/packaged.yaml" |
			gojq --slurp --exit-status ". == [$(<"$file")]" >/dev/null || fail "the chart's package lacks $file"
	done
	for file in dashboards/rules/*.yaml; do
		gojq --yaml-input .groups "$file"
	done | gojq --slurp add >"$scratch/rules.json"
	gojq --yaml-input 'select(.kind == "PrometheusRule").spec.groups' "$scratch/packaged.yaml" |
		diff -u "$scratch/rules.json" - || fail "the chart's package does not have the rules"
}
