{{/* What cannot be told by the schema: refused with what to do. */}}
{{- define "stowage.checkNfs" -}}
{{- with .Values.nfs }}
{{- $isPinned := or .controller.nodeSelector .controller.affinity }}
{{- if and .managed.enabled .controller.state.existingClaim }}
{{- fail "nfs.controller.state.existingClaim: in managed mode the state is a folder of the node that serves volumes; leave it out" }}
{{- end }}
{{- if not (or $isPinned .controller.state.existingClaim) }}
{{- $why := "the controller keeps its table of shares in a folder of its node, and must find it again" }}
{{- $what := "name one node, for example {kubernetes.io/hostname: node-a}, or set nfs.controller.state.existingClaim" }}
{{- fail (printf "nfs.controller.nodeSelector: %s; %s" $why $what) }}
{{- end }}
{{- if and .managed.enabled (not .managed.server) }}
{{- fail "nfs.managed.server: set the name or address by which nodes reach the node that serves volumes" }}
{{- end }}
{{- if and .managed.enabled .managed.nfs3 (eq .managed.runServer "pod") }}
{{- fail "nfs.managed.nfs3: NFS 3 needs the node's own server, with rpcbind; set nfs.managed.runServer: host" }}
{{- end }}
{{- if and .managed.enabled (not .managed.pools) }}
{{- fail "nfs.managed.pools: managed mode needs a pool of backend directory or btrfs" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Keys that both configs have: a dict of root and config, which is changed. */}}
{{- define "stowage.nfsConfig" -}}
{{- $values := .root.Values }}
{{- $_ := set .config "driver" "nfs" }}
{{- $_ := set .config "name" $values.nfs.driverName }}
{{- $_ := set .config "logLevel" $values.logLevel }}
{{- $_ := set .config "callTimeoutMs" (int $values.callTimeoutMs) }}
{{- if $values.metrics.enabled }}{{ $_ := set .config "metricsAddress" (printf "%s:%d" $values.metrics.address .metricsPort) }}{{ end }}
{{- toYaml .config }}
{{- end }}
