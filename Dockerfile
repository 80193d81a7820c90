# syntax=docker/dockerfile:1
ARG BUILD_IMAGE=node:24-trixie-slim
ARG BASE_IMAGE=node:24-trixie-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Why not npm ci: see scripts/setup.sh.
RUN npm install --no-save --no-audit --no-fund
COPY tsconfig.json LICENSE ./
COPY proto proto
COPY scripts scripts
COPY src src
# The bundle needs one package beside it: koffi, for its native library.
RUN npm run build \
 && mkdir -p /app/node_modules/@koromix \
 && cp -r dist package.json LICENSE /app/ \
 && cp -r node_modules/koffi /app/node_modules/ \
 && cp -r node_modules/@koromix/koffi-linux-* /app/node_modules/@koromix/ \
 && node /app/dist/stowage.cjs --version

FROM ${BASE_IMAGE}
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Stowage" \
      org.opencontainers.image.description="A CSI driver for local and NFS volumes on Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# policy-rc.d keeps the packages' services from starting while they are installed. No package manager of Node stays.
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d \
 && chmod 755 /usr/sbin/policy-rc.d \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      btrfs-progs e2fsprogs lvm2 mount nfs-common nfs-kernel-server thin-provisioning-tools util-linux xfsprogs \
 && rm -rf /usr/sbin/policy-rc.d /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
 && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn* \
 && ln -s /app/dist/stowage.cjs /usr/local/bin/stowage
COPY --from=build /app /app
ENV NODE_ENV=production
# Root, since mounts, loop devices and quotas need it. The root file system may be read-only: the driver writes only to
# its stateDir, its pools, the kubelet's folder, its socket's folder and the temporary folder, which are mounted in.
USER root
ENTRYPOINT ["/usr/local/bin/stowage"]
CMD ["serve", "--config", "/etc/stowage/config.yaml"]
