# shellcheck shell=bash
# The checks of what is released, and of what GitHub runs and asks.

release() {
	goreleaser check
	# All of a release but its publication, and not into the tree.
	{
		cat .goreleaser.yaml
		echo "dist: $scratch/dist"
	} >"$scratch/goreleaser.yaml"
	goreleaser release --snapshot --clean --config "$scratch/goreleaser.yaml"
	mv build/*.tgz "$scratch/dist"
	rmdir build
	(cd "$scratch/dist" && sha256sum --check --quiet sha256sums.txt)
	archives
	bills_of_materials
	deb_package
	rpm_package
}

# archives checks that there is one for every platform, with a program that knows
# its version.
archives() {
	local platform file
	for platform in {linux,darwin}-{amd64,arm64}; do
		for file in "$scratch/dist"/s3_access_exporter-*."$platform".tar.gz; do
			tar -tzf "$file" | grep '/s3_access_exporter$' >/dev/null || fail "$file has no program"
		done
	done
	for platform in windows-{amd64,arm64}; do
		for file in "$scratch/dist"/s3_access_exporter-*."$platform".zip; do
			python3 -m zipfile --list "$file" | grep '/s3_access_exporter\.exe ' >/dev/null || fail "$file has no program"
		done
	done
	tar -xzf "$scratch/dist"/s3_access_exporter-*."linux-$(go env GOARCH)".tar.gz -C "$scratch" --strip-components 1 --wildcards '*/s3_access_exporter'
	"$scratch/s3_access_exporter" version | grep -F ' 0.0.0-SNAPSHOT-' || fail "the released program does not know its version"
	file=$(go version -m "$scratch/s3_access_exporter")
	grep -q 'CGO_ENABLED=0' <<<"$file" || fail "the released program is linked to C libraries"
}

# bills_of_materials checks that each program's names what it is made of.
bills_of_materials() {
	local file count=0
	for file in "$scratch/dist"/*.cdx.json; do
		gojq -e '.bomFormat == "CycloneDX" and any(.components[]; .name == "go.etcd.io/bbolt")' "$file" >/dev/null ||
			fail "$file does not name the modules"
		count=$((count + 1))
	done
	((count == 6)) || fail "$count bills of materials"
}

configuration='/etc/s3_access_exporter/s3_access_exporter.env
/etc/s3_access_exporter/s3_access_exporter.yaml
/etc/s3_access_exporter/web.yml'

deb_package() {
	local file root=$scratch/deb
	for file in "$scratch/dist"/*_"$(go env GOARCH)".deb; do
		dpkg-deb --extract "$file" "$root"
		[[ $(dpkg-deb --info "$file" conffiles | sort) == "$configuration" ]] || fail "$file has other configuration files"
	done
	unit_verifies "$root"
	"$root/usr/bin/s3_access_exporter" version
	[[ $(stat -c %a "$root/etc/s3_access_exporter" "$root/etc/s3_access_exporter/web.yml" | paste -sd ' ') == '700 600' ]] ||
		fail "others can read the configuration"
}

rpm_package() {
	local file
	for file in "$scratch/dist"/*.rpm; do
		[[ $(rpm -qp --configfiles "$file" | sort) == "$configuration" ]] || fail "$file has other configuration files"
		rpm -qp --list "$file" | grep -x /usr/lib/systemd/system/s3_access_exporter.service >/dev/null || fail "$file has no unit"
	done
}

# github checks workflows, issue forms and dependabot's configuration.
github() {
	local file folder image
	actionlint
	image=$(sed -nE 's/^FROM .*(golang:[^ ]+) .*/\1/p' deploy/docker/Dockerfile)
	for file in .github/workflows/*; do
		gojq --yaml-input -e --arg image "$image" 'all(.jobs | to_entries[]; .key == "image" or .value.container == $image)' "$file" >/dev/null ||
			fail "$file does not run in $image, as the Dockerfile does"
		gojq --yaml-input -e 'all(.jobs[].steps[].uses // empty; test("@[0-9a-f]{40}$"))' "$file" >/dev/null ||
			fail "$file has an action that is not pinned to a commit"
	done
	for file in .github/ISSUE_TEMPLATE/*.yaml; do
		gojq --yaml-input -e "$issue_form" "$file" >/dev/null || fail "$file is no issue form"
	done
	gojq --yaml-input -e '[.body[] | select(.id == "version" or .id == "status") | .attributes.description]
		| contains(["s3_access_exporter version"]) and contains(["/api/v1/status"])' .github/ISSUE_TEMPLATE/bug.yaml >/dev/null ||
		fail "the form for bugs does not ask for version and status"
	gojq --yaml-input -e '.version == 2 and all(.updates[]; ."package-ecosystem" and .schedule.interval)' .github/dependabot.yml >/dev/null
	while read -r folder; do
		[[ -d .$folder ]] || fail "dependabot looks for $folder"
	done < <(gojq --yaml-input --raw-output '.updates[].directory' .github/dependabot.yml)
}

# What GitHub asks of an issue form:
# https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-githubs-form-schema
issue_form='(.name and .description)
	and all(.body[]; (.type == "markdown" and (.attributes.value | type == "string"))
		or (IN(.type; "input", "textarea", "dropdown", "checkboxes") and (.id | test("^[A-Za-z0-9_-]+$"))
			and (.attributes.label | type == "string")
			and (.type != "dropdown" or (.attributes.options | length > 0 and all(type == "string")))))
	and ([.body[].id | select(.)] as $ids | ($ids | length > 0) and ($ids | unique | length) == ($ids | length))'

# shell_scripts lints what is written for a shell. (SC2016: gojq has variables, too.)
shell_scripts() {
	shellcheck --external-sources --source-path=. --exclude=SC2016 .ci/run .ci/pictures
	shellcheck deploy/systemd/*.sh
}
