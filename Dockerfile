# One image for both drivers. `docker build .`, with other base images and mirrors by --build-arg.
ARG BUILD_IMAGE=node:24-trixie-slim
ARG BASE_IMAGE=node:24-trixie-slim

FROM ${BUILD_IMAGE} AS build
# Another registry of npm packages; empty: npm's own, or what the build image is set to.
ARG NPM_REGISTRY=
WORKDIR /src
COPY package.json package-lock.json ./
# Why not npm ci: see scripts/setup.sh.
RUN npm install --no-save --no-audit --no-fund ${NPM_REGISTRY:+--registry="${NPM_REGISTRY}"}
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

FROM ${BASE_IMAGE} AS runtime
# Another mirror of Debian's packages, such as http://mirror.example.org/debian; empty: as the base image has it.
ARG APT_MIRROR=
# policy-rc.d keeps the packages' services from starting while they are installed. No package manager of Node stays.
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d \
 && chmod 755 /usr/sbin/policy-rc.d \
 && { [ -z "${APT_MIRROR}" ] || sed -i "s#https\?://deb.debian.org/debian\( \|$\)#${APT_MIRROR}\1#" \
      $(find /etc/apt/sources.list /etc/apt/sources.list.d -type f 2>/dev/null); } \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      btrfs-progs e2fsprogs lvm2 mount nfs-common nfs-kernel-server thin-provisioning-tools util-linux xfsprogs \
 && rm -rf /usr/sbin/policy-rc.d /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
 && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn* \
 && ln -s /app/dist/stowage.cjs /usr/local/bin/stowage

FROM runtime AS sbom
COPY --from=build /app /app
COPY --from=build /src/package-lock.json /src/scripts/sbom.mjs /sbom/
RUN node /sbom/sbom.mjs /sbom/package-lock.json /app/node_modules >/sbom/sbom.cdx.json

FROM runtime
ARG VERSION=dev
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="Stowage" \
      org.opencontainers.image.description="A CSI driver for local and NFS volumes on Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /app /app
# What is in the image, as CycloneDX.
COPY --from=sbom /sbom/sbom.cdx.json /app/sbom.cdx.json
ENV NODE_ENV=production
# LVM makes its device nodes itself: in a container it would leave them to a udev that is not there, and fail.
ENV DM_DISABLE_UDEV=1
# Root, since mounts, loop devices and quotas need it. The root file system may be read-only: the driver writes only to
# its stateDir, its pools, the kubelet's folder, its socket's folder, /run and /tmp, which are mounted in.
USER root
ENTRYPOINT ["/usr/local/bin/stowage"]
CMD ["serve", "--config", "/etc/stowage/config.yaml"]
