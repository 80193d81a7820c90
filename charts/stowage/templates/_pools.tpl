{{/* "true" if a pool of the list can have snapshots. The snapshotter ends where the driver says that none can. */}}
{{- define "stowage.canSnapshot" -}}
{{- $can := empty . -}}
{{- range . }}
{{- if or (has .backend (list "image" "directory" "btrfs")) (and (eq .backend "lvm") .thinPool) }}{{ $can = true }}{{ end }}
{{- end }}
{{- $can -}}
{{- end }}

{{/* "true" if volumes of a pool of the list can grow. The resizer ends where the driver says that none can. */}}
{{- define "stowage.canExpand" -}}
{{- $can := empty . -}}
{{- range . }}{{ if ne .backend "disk" }}{{ $can = true }}{{ end }}{{ end }}
{{- $can -}}
{{- end }}

{{- define "stowage.hasBackend" -}}
{{- $has := false -}}
{{- range .pools }}{{ if eq .backend $.backend }}{{ $has = true }}{{ end }}{{ end }}
{{- $has -}}
{{- end }}

{{/*
The folders of the host that the driver of these pools must see, as JSON: {"folders": [...]}. The folder above a pool with
requireMount is given, not the pool's own: what is mounted into a container is a mount point there in any case, so that
only within a larger mount the driver can tell whether the pool's disk is mounted. Folders within others are left out.
*/}}
{{- define "stowage.hostFolders" -}}
{{- $stateDir := .stateDir }}
{{- $kubeletDir := .kubeletDir }}
{{- $wanted := list }}
{{- range .pools }}
{{- if and .path (not (hasPrefix (printf "%s/" $stateDir) (printf "%s/" .path))) }}
{{- if .requireMount }}
{{- $parent := dir .path }}
{{- $own := printf "%s/" $parent }}
{{- if or (regexMatch "^/(usr|bin|sbin|lib[^/]*|etc|app|proc|sys|dev|run|tmp|boot|root)?(/|$)" $parent) (hasPrefix $own $stateDir) (hasPrefix $own $kubeletDir) }}
{{- $why := printf "with requireMount the driver's container gets the folder above the pool, and %s would hide what the container needs" $parent }}
{{- fail (printf "pool %s: %s; mount the disk elsewhere, such as /mnt/%s" .name $why .name) }}
{{- end }}
{{- $wanted = append $wanted $parent }}
{{- else }}
{{- $wanted = append $wanted .path }}
{{- end }}
{{- end }}
{{- with .discovery }}{{ $wanted = append $wanted . }}{{ end }}
{{- end }}
{{- range .hostPaths }}
{{- if not (hasPrefix "/dev/" .) }}{{ $wanted = append $wanted . }}{{ end }}
{{- end }}
{{- $folders := list }}
{{- range $folder := $wanted | uniq | sortAlpha }}
{{- $isWithin := false }}
{{- range $folders }}{{ if hasPrefix (printf "%s/" .) $folder }}{{ $isWithin = true }}{{ end }}{{ end }}
{{- if not $isWithin }}{{ $folders = append $folders $folder }}{{ end }}
{{- end }}
{{- dict "folders" $folders | toJson }}
{{- end }}
