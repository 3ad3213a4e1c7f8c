import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// The build is committed, and has to come out the same from the same sources on every machine.
export default defineConfig({
  plugins: [react()],
  base: '/',
  build: {
    outDir: '../src/allotment/api/assets',
    emptyOutDir: true,
    assetsDir: 'a',
    target: 'es2023',
    // A polyfill would be an inline script; every browser that we serve preloads modules itself.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
  server: { port: 5173, proxy: { '/api': 'http://127.0.0.1:7433' } },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'] },
})
