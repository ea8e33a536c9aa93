# The proxy, and the command line beside it: docker exec … webflow-users token create. docs/deploy.md tells how to run it.

FROM node:24.21.0-slim AS build
WORKDIR /src
# What is downloaded depends on these files alone, so that a change of the sources does not download it again.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
RUN npm install --global "$(node --print 'require("./package.json").packageManager')"
RUN pnpm fetch --ignore-scripts
COPY tsconfig.base.json ./
COPY scripts/bundle scripts/bundle
COPY packages packages
COPY apps apps
RUN pnpm install --offline --frozen-lockfile --ignore-scripts
RUN pnpm --filter './apps/*' run build
RUN chmod 755 apps/http-proxy/dist/main.js apps/cli/dist/main.js
# The folder of the SQLite file; it is given to whom the proxy runs as when it is copied.
RUN mkdir -p made/data && chmod 700 made/data

FROM node:24.21.0-slim
LABEL org.opencontainers.image.title="webflow-users-proxy" \
      org.opencontainers.image.description="Webflow's Update User, answering over HTTP on a store its owner keeps" \
      org.opencontainers.image.licenses="MIT"
# The bundles need nothing but Node. Each lies below its manifest, which says that it is a module.
COPY LICENSE /app/
COPY --from=build /src/apps/http-proxy/package.json /app/http-proxy/
COPY --from=build /src/apps/http-proxy/dist /app/http-proxy/dist
COPY --from=build /src/apps/cli/package.json /app/cli/
COPY --from=build /src/apps/cli/dist /app/cli/dist
RUN ln -s ../../../app/http-proxy/dist/main.js /usr/local/bin/webflow-users-proxy \
 && ln -s ../../../app/cli/dist/main.js /usr/local/bin/webflow-users
COPY --from=build --chown=1000:1000 /src/made /
# Nothing is written anywhere else: the root can be read-only.
VOLUME /data
WORKDIR /data
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=8787 \
    WEBFLOW_USERS_STORE=file:/data/webflow-users.db
# The image's own user "node", by number, so that whoever runs it can tell that it is not root.
USER 1000:1000
EXPOSE 8787
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["webflow-users-proxy"]
