# shellcheck shell=bash
# What the checks need is installed here, by name and version: Go programs are
# built once, into $cache.

golangci_lint=v2.15.0
toxiproxy=v2.12.0
minio=v0.0.0-20260212201848-7aac2a2c5b7c
prometheus=v0.315.0 # Prometheus 3.15, as a Go module
alertmanager=v0.31.1
kustomize=v5.8.0
kubeconform=v0.8.0
controller_gen=v0.23.0
gojq=v0.12.17
compose=v5.5.1
helm=v4.3.1
goreleaser=v2.15.4 # the newest all of whose modules are there for Go 1.26
cyclonedx_gomod=v1.10.0
actionlint=v1.7.12
go_jsonnet=v0.22.0
opentofu=v1.12.6
opentofu_hcl=v2.20.2-0.20251021132045-587d123c2828 # which OpenTofu replaces HashiCorp's by
hcl2json=v0.6.9
moto=5.2.5
awscli=1.46.3
boto3=1.44.8
trino=476 # the last release of Trino's server in Maven Central
oldest_prometheus=v0.42.0 # Prometheus 2.42, which dashboards/README.md asks for

tools() {
	debian gcc gcc libc6-dev # for the race detector
	debian npm nodejs npm
	debian systemd-analyze systemd
	debian shellcheck shellcheck
	debian curl curl
	debian rpm rpm
	debian haproxy haproxy
	tool github.com/golangci/golangci-lint/v2/cmd/golangci-lint "$golangci_lint"
	tool github.com/minio/minio "$minio"
	tool github.com/prometheus/alertmanager/cmd/alertmanager "$alertmanager"
	tool github.com/prometheus/alertmanager/cmd/amtool "$alertmanager"
	wrapped github.com/prometheus/prometheus/cmd/promtool "$prometheus" promtool -tags remove_all_sd
	wrapped github.com/prometheus/prometheus/cmd/prometheus "$prometheus" prometheus -tags remove_all_sd
	wrapped github.com/prometheus/prometheus/cmd/promtool "$oldest_prometheus" promtool-oldest -tags remove_all_sd
	# The others have little to do: built without the optimiser, they are there in two thirds of the time.
	local -x GOFLAGS="'-gcflags=all=-N -l -dwarf=false' -ldflags=-w"
	tool sigs.k8s.io/kustomize/kustomize/v5 "$kustomize" kustomize
	tool github.com/yannh/kubeconform/cmd/kubeconform "$kubeconform"
	tool sigs.k8s.io/controller-tools/cmd/controller-gen "$controller_gen"
	tool github.com/itchyny/gojq/cmd/gojq "$gojq"
	wrapped github.com/Shopify/toxiproxy/v2/cmd/server "$toxiproxy" toxiproxy-server
	wrapped github.com/docker/compose/v5/cmd "$compose" compose
	tool github.com/rhysd/actionlint/cmd/actionlint "$actionlint"
	tool github.com/google/go-jsonnet/cmd/jsonnet "$go_jsonnet"
	tool github.com/google/go-jsonnet/cmd/jsonnetfmt "$go_jsonnet"
	tool github.com/tmccombs/hcl2json "$hcl2json"
	replace=github.com/hashicorp/hcl/v2=github.com/opentofu/hcl/v2@$opentofu_hcl \
		wrapped github.com/opentofu/opentofu/cmd/tofu "$opentofu" tofu
	release_tools
	python_tools
	trino_tools
}

# release_tools builds what a release needs.
release_tools() {
	tool helm.sh/helm/v4/cmd/helm "$helm"
	tool github.com/goreleaser/goreleaser/v2 "$goreleaser" goreleaser
	tool github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod "$cyclonedx_gomod"
}

# python_tools installs what stands in for AWS, and AWS's own clients, into a folder
# of their own.
python_tools() {
	local folder=$cache/moto-$moto-awscli-$awscli-boto3-$boto3
	if [[ ! -x $folder/commands/moto_server ]]; then
		debian python3 python3
		python3 -c 'import ensurepip' 2>/dev/null || debian - python3-venv
		python3 -m venv --clear "$folder"
		"$folder/bin/pip" install --quiet --disable-pip-version-check "moto[server]==$moto" "awscli==$awscli" "boto3==$boto3"
		mkdir "$folder/commands" # these alone: its python under another name
		ln -s ../bin/aws ../bin/moto_server "$folder/commands"
		ln -s ../bin/python "$folder/commands/python-boto3"
	fi
	PATH=$folder/commands:$PATH
}

# trino_tools installs what report and events are held against: Trino's server, of which
# the Hive connector is kept, and a command that starts it.
trino_tools() {
	local folder=$cache/trino-server-$trino java home archive
	if [[ ! -x $folder/trino-server ]]; then
		for home in /usr/lib/jvm/*; do
			if grep -qE '^JAVA_VERSION="(2[4-9]|[3-9][0-9])' "$home/release" 2>/dev/null; then java=$home/bin/java; fi
		done
		[[ -n ${java:-} ]] || fail "Trino $trino needs Java 24 or newer below /usr/lib/jvm"
		debian mvn maven
		mvn --batch-mode --quiet dependency:get -Dtransitive=false -Dartifact="io.trino:trino-server:$trino:tar.gz" -Dmaven.repo.local="$scratch/maven"
		archive=$scratch/maven/io/trino/trino-server/$trino/trino-server-$trino.tar.gz
		mkdir -p "$scratch/trino" "$folder/plugin"
		tar -xzf "$archive" -C "$scratch/trino" # whole: the plugins share files
		cp -r "$scratch/trino/trino-server-$trino/lib" "$folder"
		cp -r "$scratch/trino/trino-server-$trino/plugin/hive" "$folder/plugin"
		rm -rf "$scratch/trino" "$scratch/maven"
		{
			printf '#!/bin/sh\ncd "%s" || exit 1 # where plugins are\n' "$folder"
			printf 'exec "%s" -Xmx1500m -Djdk.attach.allowAttachSelf=true --add-modules=jdk.incubator.vector "$@" -cp "lib/*" io.trino.server.TrinoServer\n' "$java"
		} >"$folder/trino-server"
		chmod +x "$folder/trino-server"
	fi
	PATH=$folder:$PATH
}

# debian COMMAND PACKAGE... installs Debian's packages if the command is missing.
debian() {
	if ! command -v "$1" >/dev/null; then
		apt-get update
		DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${@:2}"
	fi
}

# tool PACKAGE VERSION [NAME] builds a Go program, if it is not in the cache, and
# puts it on the PATH.
tool() {
	local name=${3:-${1##*/}} folder
	folder=$cache/$name-$2
	if [[ ! -x $folder/$name ]]; then
		GOBIN=$folder go install "$1@$2"
	fi
	PATH=$folder:$PATH
}

# wrapped PACKAGE VERSION NAME [FLAG...] is tool for programs that go install
# refuses because their modules replace others: they are built from a module
# around them, with the replacement of $replace, which is that of go mod edit, if
# they do not build without it.
wrapped() {
	local name=$3 folder=$cache/$3-$2
	if [[ ! -x $folder/$name ]]; then
		mkdir -p "$scratch/$name"
		(
			cd "$scratch/$name"
			printf 'module wrapper\n\ngo 1.26\n' >go.mod
			go get "$1@$2"
			[[ -z ${replace:-} ]] || go mod edit -replace "$replace"
			go build -mod=mod "${@:4}" -o "$folder/$name" "$1"
		)
	fi
	PATH=$folder:$PATH
}
