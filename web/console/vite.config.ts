import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// While developing, `SEVENFOLD=http://127.0.0.1:8787 npm run dev` passes what is not a page on to a running service.
const service = process.env.SEVENFOLD ?? 'http://127.0.0.1:8787';

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: 'dist',
    assetsDir: 'assets',
    target: 'es2022',
    // What a page needs is loaded with that page: a chunk that grows is looked at, not warned about.
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: Object.fromEntries(['/api', '/v1', '/health', '/ready'].map((path) => [path, { target: service, changeOrigin: false }])) },
});
