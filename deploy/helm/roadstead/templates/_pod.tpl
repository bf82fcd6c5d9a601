{{/* The pod, which is the same over a volume and over a bucket but for what it mounts. */}}

{{- define "roadstead.resources" -}}
{{- if .Values.resources -}}
{{- toYaml .Values.resources -}}
{{- else if eq .Values.storage.kind "local" -}}
requests: {cpu: 100m, memory: 256Mi}
limits: {memory: 512Mi}
{{- else -}}
{{- /* upload_memory, read_memory and 256 MiB for the rest are 640 MiB. */ -}}
requests: {cpu: 100m, memory: 384Mi}
limits: {memory: 768Mi}
{{- end -}}
{{- end }}

{{- define "roadstead.environment" -}}
{{- /* For commands inside the pod, too. */ -}}
- name: ROADSTEAD_CONFIG
  value: /etc/roadstead/roadstead.yaml
{{- if and (eq .Values.storage.kind "s3") .Values.storage.s3.existingSecret }}
- name: S3_ACCESS_KEY
  valueFrom:
    secretKeyRef: {name: {{ .Values.storage.s3.existingSecret }}, key: {{ .Values.storage.s3.accessKeyKey }}}
- name: S3_SECRET_KEY
  valueFrom:
    secretKeyRef: {name: {{ .Values.storage.s3.existingSecret }}, key: {{ .Values.storage.s3.secretKeyKey }}}
{{- end }}
{{- if and (eq .Values.storage.kind "azure") .Values.storage.azure.existingSecret }}
- name: AZURE_KEY
  valueFrom:
    secretKeyRef: {name: {{ .Values.storage.azure.existingSecret }}, key: {{ .Values.storage.azure.keyKey }}}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "roadstead.pod" -}}
metadata:
  labels:
    {{- include "roadstead.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A changed configuration makes new pods.
    checksum/configuration: {{ include "roadstead.configuration" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "roadstead.serviceAccount" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  # The wait before, the requests in flight, and 10 s to close the store.
  terminationGracePeriodSeconds: {{ add .Values.stopDelaySeconds .Values.drainSeconds 10 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    {{- if eq .Values.storage.kind "local" }}
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    {{- end }}
    seccompProfile:
      type: RuntimeDefault
  {{- if gt (int .Values.replicas) 1 }}
  topologySpreadConstraints:
    - topologyKey: kubernetes.io/hostname
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "roadstead.selector" . | nindent 10 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  containers:
    - name: roadstead
      image: {{ include "roadstead.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve]
      env:
        {{- include "roadstead.environment" . | nindent 8 }}
      ports:
        - name: registry
          containerPort: 5000
        - name: admin
          containerPort: 5001
      # A start after a crash looks through the records; one over a bucket without conditional
      # writes waits up to 34 s.
      startupProbe:
        httpGet: {path: /healthz, port: admin}
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 90
      # Without the storage: to start again would not bring it back.
      livenessProbe:
        httpGet: {path: /healthz, port: admin}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      # With the storage, for which the server waits 5 s itself.
      readinessProbe:
        httpGet: {path: /readyz, port: admin}
        periodSeconds: 5
        timeoutSeconds: 6
        failureThreshold: 2
      lifecycle:
        preStop:
          sleep:
            seconds: {{ .Values.stopDelaySeconds }}
      resources:
        {{- include "roadstead.resources" . | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: configuration
          mountPath: /etc/roadstead
          readOnly: true
        {{- if .Values.access.htpasswdSecret }}
        - name: htpasswd
          mountPath: /etc/roadstead-htpasswd
          readOnly: true
        {{- end }}
        {{- if eq .Values.storage.kind "local" }}
        - name: data
          mountPath: /data
        {{- end }}
  volumes:
    - name: configuration
      configMap:
        name: {{ include "roadstead.fullname" . }}
    {{- if .Values.access.htpasswdSecret }}
    - name: htpasswd
      secret:
        secretName: {{ .Values.access.htpasswdSecret }}
        items:
          - key: {{ .Values.access.htpasswdKey }}
            path: htpasswd
    {{- end }}
    {{- if and (eq .Values.storage.kind "local") .Values.storage.local.existingClaim }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ .Values.storage.local.existingClaim }}
    {{- end }}
{{- end }}
