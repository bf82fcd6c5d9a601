{{/* roadstead.yaml, made of the values. Secrets are in it by reference only. */}}

{{- define "roadstead.configuration" -}}
{{- $storage := dict -}}
{{- if eq .Values.storage.kind "local" -}}
{{- $storage = dict "local" (dict "path" "/data") -}}
{{- else if eq .Values.storage.kind "s3" -}}
{{- $s3 := dict "bucket" .Values.storage.s3.bucket -}}
{{- range $key, $value := dict "prefix" .Values.storage.s3.prefix "region" .Values.storage.s3.region "endpoint" .Values.storage.s3.endpoint -}}
{{- if $value }}{{ $_ := set $s3 $key $value }}{{ end -}}
{{- end -}}
{{- if .Values.storage.s3.pathStyle }}{{ $_ := set $s3 "path_style" true }}{{ end -}}
{{- if .Values.storage.s3.existingSecret -}}
{{- $_ := set $s3 "access_key" "${env:S3_ACCESS_KEY}" -}}
{{- $_ := set $s3 "secret_key" "${env:S3_SECRET_KEY}" -}}
{{- end -}}
{{- $storage = dict "s3" $s3 -}}
{{- else -}}
{{- $azure := dict "account" .Values.storage.azure.account "container" .Values.storage.azure.container -}}
{{- range $key, $value := dict "prefix" .Values.storage.azure.prefix "endpoint" .Values.storage.azure.endpoint -}}
{{- if $value }}{{ $_ := set $azure $key $value }}{{ end -}}
{{- end -}}
{{- if .Values.storage.azure.existingSecret }}{{ $_ := set $azure "key" "${env:AZURE_KEY}" }}{{ end -}}
{{- $storage = dict "azure" $azure -}}
{{- end -}}
{{- $access := dict -}}
{{- if .Values.access.open -}}
{{- $_ := set $access "open" true -}}
{{- else -}}
{{- if .Values.access.rules }}{{ $_ := set $access "rules" .Values.access.rules }}{{ end -}}
{{- if .Values.access.htpasswdSecret }}{{ $_ := set $access "htpasswd" "/etc/roadstead-htpasswd/htpasswd" }}{{ end -}}
{{- end -}}
{{- $all := dict "listen" "0.0.0.0:5000" "admin" (dict "listen" "0.0.0.0:5001") "access" $access "storage" $storage -}}
{{- $_ := set $all "timeouts" (dict "shutdown" (printf "%ds" (int .Values.drainSeconds))) -}}
{{- $_ := set $all "log" (dict "format" "json") -}}
{{- with include "roadstead.externalUrl" . }}{{ $_ := set $all "external_url" . }}{{ end -}}
{{- mergeOverwrite $all (deepCopy .Values.configuration) | toYaml -}}
{{- end }}
