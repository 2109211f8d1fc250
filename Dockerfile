# The service, without the embedded PostgreSQL server: it needs DATABASE_URL.
# Debian rather than Alpine: the tests run on glibc too.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json vite.config.ts ./
COPY src ./src
COPY page ./page
RUN npm run build

FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The programs of PostgreSQL, 60 MB, are the one optional package.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY migrations ./migrations
# It writes nothing, so all of /app stays root's.
USER node
EXPOSE 8080
# For plain HTTP; where PINCEX_SERVICE_TLS_CERT is set, bring a check of your own.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PINCEX_SERVICE_PORT || 8080}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--max-semi-space-size=128", "dist/cli/main.js"]
CMD ["start", "--host", "0.0.0.0"]
