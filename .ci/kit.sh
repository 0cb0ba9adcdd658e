# shellcheck shell=bash
# The checks of the operator's kit, dashboards/ and deploy/, that are not Go tests.

grafana=13.2.3
typescript=5.9.3

kit() {
	rules
	mixin
	oldest_prometheus
	grafana_types
	grafana_shows
	kubernetes
	prometheus_examples
	systemd_unit
	compose_file
}

# rules checks the alert and recording rules and runs their tests, with the
# newest Prometheus and the oldest.
rules() {
	local file
	promtool check rules --lint=all --lint-fatal dashboards/rules/*.yaml
	promtool test rules dashboards/rules/tests/*_test.yaml
	promtool-oldest check rules --lint=all --lint-fatal dashboards/rules/*.yaml
	for file in dashboards/rules/tests/*_test.yaml; do
		[[ $file == */native_histogram_test.yaml ]] || # it has no way to write them
			promtool-oldest test rules "$file"
	done
}

# mixin checks that the mixin has all dashboards and rules.
mixin() {
	local file
	jsonnetfmt --test dashboards/mixin.libsonnet
	for file in dashboards/*.json; do
		gojq --arg name "$(basename "$file")" '{($name): .}' "$file"
	done | gojq --slurp add >"$scratch/dashboards.json"
	jsonnet --exec '(import "dashboards/mixin.libsonnet").grafanaDashboards' | gojq . |
		diff -u "$scratch/dashboards.json" - || fail "the mixin does not have the dashboards"
	for file in dashboards/rules/*.yaml; do
		gojq --yaml-input .groups "$file"
	done | gojq --slurp 'add | sort_by(.name)' >"$scratch/rules.json"
	jsonnet --exec 'local m = import "dashboards/mixin.libsonnet"; m.prometheusAlerts.groups + m.prometheusRules.groups' | gojq 'sort_by(.name)' |
		diff -u "$scratch/rules.json" - || fail "the mixin does not have the rules"
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
	go -C dashboards test -count=1 -run '^TestOldestPrometheus_' . -prometheus.oldest="$project/oldest"
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
	go -C dashboards test -count=1 -run '^TestGrafana_' . -grafana.modules="$(grafana_modules)/node_modules"
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

# prometheus_examples checks the examples with the rules where they say that
# they are.
prometheus_examples() {
	local file
	for file in deploy/prometheus/prometheus.yml deploy/docker/prometheus.yml deploy/docker/prometheus-standby.yml; do
		sed "s|/etc/prometheus/rules|$PWD/dashboards/rules|" "$file" >"$scratch/prometheus.yml"
		promtool check config "$scratch/prometheus.yml"
		[[ $file == */docker/* ]] || promtool-oldest check config "$scratch/prometheus.yml"
	done
	amtool check-config deploy/prometheus/alertmanager.yml
	[[ $(amtool config routes test --config.file=deploy/prometheus/alertmanager.yml severity=critical) == pager ]] ||
		fail "critical alerts do not reach the pager"
	[[ $(amtool config routes test --config.file=deploy/prometheus/alertmanager.yml alertname=S3AccessAnonymousSuccess \
		bucket=example-website operation=PutObject severity=critical) == pager ]] || fail "that strangers write to a website does not page"
}

# The most of systemd's exposure level (0 is best) that the unit may have.
exposure=11 # tenths

# systemd_unit checks the unit in a folder that has what it names, where the
# guide puts it.
systemd_unit() {
	local root=$scratch/unit unit=s3_access_exporter.service
	install -D -m 644 -t "$root/etc/systemd/system" "deploy/systemd/$unit"
	install -D /dev/null "$root/usr/local/bin/s3_access_exporter"
	unit_verifies "$root"
	systemd-analyze security --offline=true --threshold="$exposure" "deploy/systemd/$unit" | tail -n 1
}

# unit_verifies ROOT checks the unit in a folder that stands for the root.
unit_verifies() {
	systemd-analyze verify --man=no --recursive-errors=no --root="$1" s3_access_exporter.service
}

# compose_file checks the compose file as it stands, with the example of a
# configuration, and with what makes two exporters of one.
compose_file() {
	compose --file deploy/docker/compose.yaml config --quiet
	compose --file deploy/docker/compose.yaml --env-file deploy/docker/example.env config --format json |
		gojq -e '.services.exporter.command == ["serve", "s3://example-logs-eu-west-1"]'
	S3_ACCESS_EXPORTER_CHECKPOINT_PATH=s3://example-state/s3_access_exporter \
		compose --file deploy/docker/compose.yaml --file deploy/docker/standby.yaml --env-file deploy/docker/example.env config --format json |
		gojq -e '.services | (.exporter == ."exporter-2") and (.exporter | .ports == null
			and .command == ["serve", "s3://example-logs-eu-west-1"]
			and .environment.S3_ACCESS_EXPORTER_CHECKPOINT_PATH == "s3://example-state/s3_access_exporter"
			and all(.volumes[]; .target != "/var/lib/s3_access_exporter"))
			and (.prometheus.volumes | any(.source | endswith("/prometheus-standby.yml")) and length == 3)'
	haproxy -c -f deploy/docker/haproxy.cfg
}
