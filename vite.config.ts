import { defineConfig } from 'vite';

/** Builds the page of the service, `page/`, into `dist/page/`, from which the service serves it. */
export default defineConfig({
  root: 'page',
  // Relative: a proxy may serve the service under another path.
  base: './',
  build: {
    outDir: '../dist/page',
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows no `data:` but in images, and no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // `npm run page`: the page is reloaded as it changes, and calls a service that runs beside it.
  server: {
    proxy: { '/v1': process.env['PINCEX_URL'] ?? 'http://127.0.0.1:8080' },
  },
});
