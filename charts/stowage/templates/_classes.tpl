{{/* StorageClasses: a dict of root, component, driver (its name), classes, bindingMode (the default), pools. */}}
{{- define "stowage.storageClasses" -}}
{{- range $class := .classes }}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: {{ .name }}
  labels:
    {{- include "stowage.labels" (list $.root $.component) | nindent 4 }}
  {{- if or .default .annotations }}
  annotations:
    {{- if .default }}
    storageclass.kubernetes.io/is-default-class: "true"
    {{- end }}
    {{- with .annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
provisioner: {{ $.driver }}
{{- $parameters := dict }}
{{- with .pool }}
{{- $pool := . }}
{{- $names := list }}
{{- range $.pools }}{{ $names = append $names .name }}{{ end }}
{{- if not (has $pool $names) }}{{ fail (printf "StorageClass %s: there is no pool %s; the pools are: %s" $class.name $pool (join ", " $names | default "none")) }}{{ end }}
{{- $_ := set $parameters "pool" . }}
{{- end }}
{{- with .fsType }}{{ $_ := set $parameters "csi.storage.k8s.io/fstype" . }}{{ end }}
{{- range $key, $value := .parameters }}{{ $_ := set $parameters $key $value }}{{ end }}
{{- with $parameters }}
parameters:
  {{- range $key, $value := . }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- with .mountOptions }}
mountOptions:
  {{- toYaml . | nindent 2 }}
{{- end }}
reclaimPolicy: {{ .reclaimPolicy | default "Delete" }}
volumeBindingMode: {{ .volumeBindingMode | default $.bindingMode }}
allowVolumeExpansion: {{ if hasKey . "allowVolumeExpansion" }}{{ .allowVolumeExpansion }}{{ else }}true{{ end }}
{{- with .allowedTopologies }}
allowedTopologies:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* VolumeSnapshotClasses and VolumeGroupSnapshotClasses: a dict of root, component, driver, classes, apiVersion, kind, group. */}}
{{- define "stowage.snapshotClasses" -}}
{{- range .classes }}
---
apiVersion: {{ $.group }}/v1
kind: {{ $.kind }}
metadata:
  name: {{ .name }}
  labels:
    {{- include "stowage.labels" (list $.root $.component) | nindent 4 }}
  {{- if .default }}
  annotations:
    {{- if eq $.kind "VolumeSnapshotClass" }}
    snapshot.storage.kubernetes.io/is-default-class: "true"
    {{- else }}
    groupsnapshot.storage.kubernetes.io/is-default-class: "true"
    {{- end }}
  {{- end }}
driver: {{ $.driver }}
deletionPolicy: {{ .deletionPolicy | default "Delete" }}
{{- end }}
{{- end }}
