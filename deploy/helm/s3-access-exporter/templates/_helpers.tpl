{{- define "s3-access-exporter.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "s3-access-exporter.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "s3-access-exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "s3-access-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "s3-access-exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "s3-access-exporter.name" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- /* The file for --config.file. Numbers of values are floating-point: 10000000 would be written as 1e+07. */ -}}
{{- define "s3-access-exporter.config" -}}
{{- if not .Values.locations -}}
{{- fail "locations is empty: name at least one, such as s3://example-logs-eu-west-1/access/" -}}
{{- end -}}
{{- if hasKey .Values.config "locations" -}}
{{- fail "config.locations: write locations at the top of the values" -}}
{{- end -}}
{{- $config := dict "locations" .Values.locations -}}
{{- range $flag, $value := .Values.config -}}
{{- $whole := and (kindIs "float64" $value) (eq (toString (floor $value)) (toString $value)) -}}
{{- $_ := set $config $flag (ternary (int64 $value) $value $whole) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "s3-access-exporter.image" -}}
{{- $repository := required "image.repository is empty: name your registry's copy of the image" .Values.image.repository -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- if eq (toString $tag) "unreleased" -}}
{{- fail "image.tag is empty: name a release's image, as this is not the chart of one" -}}
{{- end -}}
{{- printf "%s:%v" $repository (ternary (int64 $tag) $tag (kindIs "float64" $tag)) -}}
{{- end -}}

{{- /* A change of the configuration changes the pods' annotations, and so makes a rollout. */ -}}
{{- define "s3-access-exporter.podAnnotations" -}}
{{- if not .Values.existingConfigMap -}}
checksum/config: {{ include "s3-access-exporter.config" . | sha256sum }}
{{- end }}
{{ with .Values.podAnnotations }}{{ toYaml . }}{{ end }}
{{- end -}}

{{- /* Go's garbage collector keeps to 90 % of the memory limit; nothing where the limit is in other units than Mi and Gi. */ -}}
{{- define "s3-access-exporter.goMemLimit" -}}
{{- $limit := dig "limits" "memory" "" .Values.resources | toString -}}
{{- if regexMatch "^[0-9]+[MG]i$" $limit -}}
{{- $mebibytes := regexFind "^[0-9]+" $limit | int64 | mul (hasSuffix "Gi" $limit | ternary 1024 1) -}}
- name: GOMEMLIMIT
  value: {{ div (mul $mebibytes 9) 10 }}MiB
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{- /* A file of the chart, or an error where a symbolic link was not followed. */ -}}
{{- define "s3-access-exporter.files" -}}
{{- $files := .context.Files.Glob .glob -}}
{{- range $path, $text := $files -}}
{{- if not (contains "\n" (toString $text)) -}}
{{- fail (printf "%s is a symbolic link that was not followed: take the packaged chart" $path) -}}
{{- end -}}
{{- end -}}
{{- if not $files -}}
{{- fail (printf "%s: the files are missing: take the packaged chart" .glob) -}}
{{- end -}}
{{- end -}}

{{- /* A probe's request, of a list of the context and the path. */ -}}
{{- define "s3-access-exporter.httpGet" -}}
httpGet:
  path: {{ index . 1 }}
  port: http
  {{- if eq (index . 0).Values.scheme "HTTPS" }}
  scheme: HTTPS
  {{- end }}
{{- end -}}

{{- /* What the schema cannot see. */ -}}
{{- define "s3-access-exporter.validate" -}}
{{- $sharded := gt (int .Values.shards) 1 -}}
{{- if and .Values.standby.enabled $sharded -}}
{{- fail "standby.enabled and shards: choose one of the two" -}}
{{- end -}}
{{- if and .Values.standby.enabled (not .Values.checkpoint.path) -}}
{{- fail "checkpoint.path is empty: a standby takes over from a journal in S3, such as s3://example-state/s3_access_exporter" -}}
{{- end -}}
{{- range $flag := list "checkpoint.path" "shard.index" "shard.count" -}}
{{- if hasKey $.Values.config $flag -}}
{{- fail (printf "config.%s: the chart sets it; write checkpoint.path or shards at the top of the values" $flag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Whether the checkpoint is a file; nothing if it is a journal in S3. */ -}}
{{- define "s3-access-exporter.onVolume" -}}
{{- if not .Values.checkpoint.path -}}yes{{- end -}}
{{- end -}}

{{- /* Shards have a journal each, below the path. */ -}}
{{- define "s3-access-exporter.checkpointPath" -}}
{{- $path := .Values.checkpoint.path | default "/var/lib/s3_access_exporter/s3_access_exporter.db" -}}
{{- if and .Values.checkpoint.path (gt (int .Values.shards) 1) -}}
{{- $path = printf "%s/$(S3_ACCESS_EXPORTER_SHARD_INDEX)" (trimSuffix "/" $path) -}}
{{- end -}}
{{- $path -}}
{{- end -}}

{{- /* By default a standby is on another node, and shards are where there is room. */ -}}
{{- define "s3-access-exporter.affinity" -}}
{{- if .Values.affinity -}}
{{- toYaml .Values.affinity -}}
{{- else if or .Values.standby.enabled (gt (int .Values.shards) 1) -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname"
	"labelSelector" (dict "matchLabels" (include "s3-access-exporter.selector" . | fromYaml)) -}}
{{- $pods := dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term)) -}}
{{- if .Values.standby.enabled -}}
{{- $pods = dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term) -}}
{{- end -}}
{{- dict "podAntiAffinity" $pods | toYaml -}}
{{- end -}}
{{- end -}}
