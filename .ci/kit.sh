# shellcheck shell=bash
# The checks of the operator's kit, dashboards/ and deploy/, that are not Go tests.

grafana_schema=13.2.3
typescript=5.9.3

kit() {
	rules
	grafana_types
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

# grafana_types holds the dashboards against the types that Grafana publishes.
grafana_types() {
	local file name project=$scratch/grafana
	mkdir "$project"
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
		echo '{"private": true}' >package.json
		npm install --no-audit --no-fund --ignore-scripts --loglevel=error \
			"@grafana/schema@$grafana_schema" "typescript@$typescript"
		npx tsc --noEmit --strict --skipLibCheck --target es2022 --module esnext --moduleResolution bundler ./*.ts
	)
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
