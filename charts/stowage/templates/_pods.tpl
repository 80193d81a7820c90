{{/* What all pods say of themselves. A dict of root and pod (the values of this kind of pod). */}}
{{- define "stowage.podCommon" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
priorityClassName: {{ .pod.priorityClassName }}
terminationGracePeriodSeconds: {{ .pod.terminationGracePeriodSeconds }}
# No container gets the token but those that mount it: the driver needs none.
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.seLinuxOptions }}
securityContext:
  seLinuxOptions:
    {{- toYaml . | nindent 4 }}
{{- end }}
nodeSelector:
  kubernetes.io/os: linux
  {{- with .pod.nodeSelector }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Root without any capability: the driver's socket is root's alone, and nothing else is needed. */}}
{{- define "stowage.sidecarSecurity" -}}
securityContext:
  runAsUser: 0
  runAsGroup: 0
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{/* A dict of root and sidecar (its values). */}}
{{- define "stowage.sidecarImage" -}}
image: {{ .root.Values.sidecars.registry }}/{{ .sidecar.image }}:{{ .sidecar.tag }}
imagePullPolicy: {{ .root.Values.sidecars.pullPolicy }}
{{ include "stowage.sidecarSecurity" . }}
{{- with .sidecar.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
One of upstream's sidecars that talk to the API server. A dict of root, name (its key in values.sidecars), args, port,
hostNetwork, env, and leader: whether it elects a leader.
*/}}
{{- define "stowage.sidecar" -}}
{{- $sidecar := index .root.Values.sidecars .name }}
{{- $metrics := .root.Values.metrics.enabled }}
{{- $serves := or $metrics .leader }}
- name: {{ .name }}
  {{- include "stowage.sidecarImage" (dict "root" .root "sidecar" $sidecar) | nindent 2 }}
  args:
    - --csi-address=/csi/csi.sock
    - -v={{ .root.Values.sidecars.logLevel }}
    {{- if .leader }}
    - --leader-election
    - --leader-election-namespace=$(NAMESPACE)
    {{- end }}
    {{- if $serves }}
    - --http-endpoint={{ if and .hostNetwork (not $metrics) }}127.0.0.1{{ end }}:{{ .port }}
    {{- end }}
    {{- range concat .args $sidecar.extraArgs }}
    - {{ . }}
    {{- end }}
  env:
    - name: NAMESPACE
      valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
    {{- range $name, $path := .env }}
    - name: {{ $name }}
      valueFrom: {fieldRef: {fieldPath: {{ $path }}}}
    {{- end }}
  {{- if $serves }}
  ports:
    - {name: {{ .name }}, containerPort: {{ .port }}, protocol: TCP}
  {{- end }}
  {{- if .leader }}
  {{- include "stowage.sidecarStartup" (dict "path" "/healthz/leader-election" "port" .port "hostNetwork" .hostNetwork) | nindent 2 }}
  # A leader that has lost the API server is ended, so that another one can take over.
  livenessProbe:
    httpGet:
      {{- if .hostNetwork }}
      host: 127.0.0.1
      {{- end }}
      path: /healthz/leader-election
      port: {{ .port }}
    periodSeconds: 20
    timeoutSeconds: 10
    failureThreshold: 3
  {{- end }}
  volumeMounts:
    - {name: socket, mountPath: /csi}
    - {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}

{{/* Tells the kubelet of the driver. A dict of root, driverName, port, hostNetwork. */}}
{{- define "stowage.registrar" -}}
- name: registrar
  {{- include "stowage.sidecarImage" (dict "root" .root "sidecar" .root.Values.sidecars.registrar) | nindent 2 }}
  args:
    - --csi-address=/csi/csi.sock
    - --kubelet-registration-path={{ .root.Values.kubeletDir }}/plugins/{{ .driverName }}/csi.sock
    - --http-endpoint={{ if .hostNetwork }}127.0.0.1{{ end }}:{{ .port }}
    - -v={{ .root.Values.sidecars.logLevel }}
    {{- range .root.Values.sidecars.registrar.extraArgs }}
    - {{ . }}
    {{- end }}
  {{- include "stowage.sidecarStartup" (dict "path" "/healthz" "port" .port "hostNetwork" .hostNetwork) | nindent 2 }}
  # Answers while its socket lies in the kubelet's folder of plugins.
  livenessProbe:
    httpGet:
      {{- if .hostNetwork }}
      host: 127.0.0.1
      {{- end }}
      path: /healthz
      port: {{ .port }}
    periodSeconds: 30
    timeoutSeconds: 10
  volumeMounts:
    - {name: socket, mountPath: /csi}
    - {name: registration, mountPath: /registration}
{{- end }}

{{/* Asks the driver's Probe for the kubelet. A dict of root, port, hostNetwork. */}}
{{- define "stowage.livenessSidecar" -}}
- name: liveness
  {{- include "stowage.sidecarImage" (dict "root" .root "sidecar" .root.Values.sidecars.livenessProbe) | nindent 2 }}
  args:
    - --csi-address=/csi/csi.sock
    - --http-endpoint={{ if .hostNetwork }}127.0.0.1{{ end }}:{{ .port }}
    - --probe-timeout=5s
    - -v={{ .root.Values.sidecars.logLevel }}
    {{- range .root.Values.sidecars.livenessProbe.extraArgs }}
    - {{ . }}
    {{- end }}
  volumeMounts:
    - {name: socket, mountPath: /csi}
{{- end }}

{{/*
Of a sidecar's container, which answers only after the driver has: it is not ended while that one recovers. Ended again and again it
would be started later and later. A dict of path, port, hostNetwork.
*/}}
{{- define "stowage.sidecarStartup" -}}
startupProbe:
  httpGet:
    {{- if .hostNetwork }}
    host: 127.0.0.1
    {{- end }}
    path: {{ .path }}
    port: {{ .port }}
  periodSeconds: 1
  timeoutSeconds: 6
  failureThreshold: 900
{{- end }}

{{/* Of the driver's container. The recovery after a start may take minutes, and is not ended for that. */}}
{{- define "stowage.driverProbes" -}}
startupProbe:
  {{- include "stowage.healthRequest" . | nindent 2 }}
  periodSeconds: 1
  timeoutSeconds: 6
  failureThreshold: 900
livenessProbe:
  {{- include "stowage.healthRequest" . | nindent 2 }}
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 5
{{- end }}

{{- define "stowage.healthRequest" -}}
httpGet:
  {{- if .hostNetwork }}
  host: 127.0.0.1
  {{- end }}
  path: /healthz
  port: {{ .port }}
{{- end }}

{{/* What kube-apiserver's clients need, for the containers that are such clients. */}}
{{- define "stowage.tokenVolume" -}}
- name: token
  projected:
    defaultMode: 0400
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3607}
      - configMap:
          name: kube-root-ca.crt
          items: [{key: ca.crt, path: ca.crt}]
      - downwardAPI:
          items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]
{{- end }}

{{/* Where the driver writes besides: its root file system is read-only. */}}
{{- define "stowage.scratchMounts" -}}
- {name: run, mountPath: /run}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "stowage.scratchVolumes" -}}
- {name: run, emptyDir: {medium: Memory, sizeLimit: 16Mi}}
- {name: tmp, emptyDir: {sizeLimit: 64Mi}}
{{- end }}

{{/* Folders of the host for pools: list of folders. */}}
{{- define "stowage.folderMounts" -}}
{{- range $index, $folder := . }}
- {name: folder-{{ $index }}, mountPath: {{ $folder | quote }}, mountPropagation: HostToContainer}
{{- end }}
{{- end }}

{{- define "stowage.folderVolumes" -}}
{{- range $index, $folder := . }}
- {name: folder-{{ $index }}, hostPath: {path: {{ $folder | quote }}, type: DirectoryOrCreate}}
{{- end }}
{{- end }}
