{{/* What the schema cannot say: values that do not go together. */}}

{{- define "roadstead.checks" -}}
{{- $storage := .Values.storage -}}
{{- if and (eq $storage.kind "local") (gt (int .Values.replicas) 1) -}}
{{- fail (printf "replicas: %d do not go with storage.kind: local, for a volume has one server; use s3 or azure" (int .Values.replicas)) -}}
{{- end -}}
{{- if and (eq $storage.kind "s3") (not $storage.s3.bucket) -}}
{{- fail "storage.s3.bucket: name the bucket" -}}
{{- end -}}
{{- if and (eq $storage.kind "azure") (not (and $storage.azure.account $storage.azure.container)) -}}
{{- fail "storage.azure: name the account and the container" -}}
{{- end -}}
{{- if and (eq .Values.updateStrategy "Recreate") (gt (int .Values.replicas) 1) -}}
{{- fail "updateStrategy: Recreate is for one server over a bucket; set replicas: 1" -}}
{{- end -}}
{{- if and (not .Values.access.open) (not .Values.access.rules) (not .Values.access.htpasswdSecret) -}}
{{- fail "access: write rules, or open: true to let everybody do everything" -}}
{{- end -}}
{{- if and .Values.access.open .Values.access.htpasswdSecret -}}
{{- fail "access.htpasswdSecret does not go with access.open: nobody would be asked for a password" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- fail "ingress.hosts: name the host that clients use" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.networkPolicy.enabled (not .Values.networkPolicy.metricsFrom) -}}
{{- fail "serviceMonitor: name in networkPolicy.metricsFrom who measures, or the policy keeps Prometheus out" -}}
{{- end -}}
{{- range $key := list "listen" "admin" -}}
{{- if hasKey $.Values.configuration $key -}}
{{- fail (printf "configuration.%s: probes and services rely on what the chart writes" $key) -}}
{{- end -}}
{{- end -}}
{{- if hasKey (.Values.configuration.timeouts | default dict) "shutdown" -}}
{{- fail "configuration.timeouts.shutdown: set drainSeconds, which the pod must know, too" -}}
{{- end -}}
{{- end }}
