# syntax=docker/dockerfile:1
# The command `slidemesh` with everything that it needs, for clusters and for single machines.
#   docker build -t slidemesh:0.2.0 .
#   docker run --rm slidemesh:0.2.0 doctor
# With CUDA, from an unpacked libtorch of your own (its lib/ and include/; the CUDA build carries CUDA's libraries, a pip wheel does not). The
# machine needs the driver only:
#   docker build --target gpu --build-context torch=FOLDER -t slidemesh-gpu:0.2.0 .
#
# All stages are Debian 12, whose libraries the tests run on. .NET 10 has no images for it, so its folder is taken out of Microsoft's own,
# which hold the same portable build.
ARG DEBIAN=debian:bookworm-slim

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS sdk
FROM mcr.microsoft.com/dotnet/runtime:10.0 AS runtime

FROM ${DEBIAN} AS build
COPY --from=sdk /usr/share/dotnet /usr/share/dotnet
RUN ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet \
 && apt-get update && apt-get install -y --no-install-recommends ca-certificates libssl3 libstdc++6 npm && rm -rf /var/lib/apt/lists/*
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
WORKDIR /source
# ONNX Runtime, with its SHA-256 checked; a layer of its own, which changes of the sources leave alone.
COPY tools/setup.sh tools/setup.sh
RUN tools/setup.sh
COPY . .
RUN dotnet restore src/SlideMesh.Cli --locked-mode
RUN dotnet publish src/SlideMesh.Cli -c Release --no-restore -o /opt/slidemesh

FROM ${DEBIAN} AS slidemesh
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libssl3 libstdc++6 libopenslide0 libturbojpeg0 libopenjp2-7 libhdf5-103-1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin slidemesh
COPY --from=runtime /usr/share/dotnet /usr/share/dotnet
COPY --from=build /opt/slidemesh /opt/slidemesh
# Nothing is written but the store, the models' cache and /tmp: the root file system may be read-only. Diagnostics would open a pipe in /tmp.
ENV DOTNET_ROOT=/usr/share/dotnet DOTNET_EnableDiagnostics=0 PATH=/opt/slidemesh:$PATH
USER 10001:10001
# Without a shell in between, so that SIGTERM reaches the node and drains it.
ENTRYPOINT ["/opt/slidemesh/slidemesh"]
CMD ["--help"]

FROM build AS torch-build
RUN apt-get update && apt-get install -y --no-install-recommends cmake g++ make && rm -rf /var/lib/apt/lists/*
COPY --from=torch / /opt/torch
RUN cmake -S src/SlideMesh.Inference/LibTorch/native -B /tmp/torch -DTORCH_ROOT=/opt/torch && cmake --build /tmp/torch --parallel

FROM slidemesh AS gpu
# The library looks for libtorch where it was built against it.
COPY --from=torch /lib /opt/torch/lib
COPY --from=torch-build /tmp/torch/libslidemesh_torch.so /opt/slidemesh/

# What `docker build` makes when no target is named.
FROM slidemesh
