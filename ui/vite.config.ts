import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const server = 'http://127.0.0.1:8433'

export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  plugins: [react()],
  build: { outDir: 'dist', emptyOutDir: true, target: ['chrome123', 'firefox128', 'safari17.5'] },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': server, '^/p/[^/]+/api': server },
  },
})
